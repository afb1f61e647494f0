import os

# BLAS adds up in another order for another number of threads, and results are the same for any number of workers. Ray
# gives its workers one; so does this, before numpy is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
