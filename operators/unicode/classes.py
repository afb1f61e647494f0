"""The class of every code point, as `tokenizers` (Oniguruma) has it.

Made by benchmarks/unicode_table.py; do not edit. A class is one bit, so that a set of classes is a
mask. Kernels compile the bits in: they never change.
"""

import base64
import zlib
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from operators.arrays import U8

U16: TypeAlias = NDArray[np.uint16]

OTHER: Final = 1  # [^\s\p{L}\p{N}\p{M}]
SPACE: Final = 2  # [^\S\r\n]
NEWLINE: Final = 4  # [\r\n]
NUMBER: Final = 8  # \p{N}
MARK: Final = 16  # \p{M}
UPPER: Final = 32  # [\p{Lu}\p{Lt}]
LOWER: Final = 64  # \p{Ll}
CASELESS: Final = 128  # [\p{Lm}\p{Lo}]

TOKENIZERS_VERSION: Final = "0.23.3"
"""The version whose classes these are."""


def _expand() -> tuple[U16, U8]:
    packed = np.frombuffer(zlib.decompress(base64.b85decode(_PACKED)), np.uint8)
    count = len(packed) // 5
    lengths = np.ascontiguousarray(packed[: 4 * count].reshape(4, count).T).view("<u4")[:, 0]
    flat = np.full(0x200000, OTHER, np.uint8)
    flat[:0x110000] = np.repeat(packed[4 * count :], lengths)
    rows = flat.view("V64")
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    pages = np.sort(first)
    blocks = rank[inverse].astype(np.uint16)
    classes = np.ascontiguousarray(flat.reshape(-1, 64)[pages]).reshape(-1)
    for table in (blocks, classes):
        table.flags.writeable = False
    return blocks, classes


_PACKED: Final = (
    "c-rk+O>7)V6`uF%w`+Q)d&c7#du)%}j^o&|9Z%vU-T+z}EgKYNwHppZ3I_y2Ai+k<a^bR<)?W4kH%@RvXwO{th7c@QF64j&LLkI-kDL&%s`_tiCw"
    "8)NHbB3c{;Qw&UcI01RU!uf2z`i*8q2YPF$ACxfPuY6pcX*Gvk{*1eU{}6-5W!0@AQSmnEP2R(Q3=>2*Rln?PRy=8Hr3|S@7cfby({2uqzb3_uj4"
    "Kk_hPqA@m@)0LUIERpg2tOwS_!Ik*DhylE3bZtFcKi=^o#&R5!EXWo#TzHN;t$%q^c`7;KXEa8JTbj@1eyo^ImF~~sl7a4Dh1&}(pyZ~!A8HK4bh"
    "z4Q?8WD%q9M<*35s~_cCxr^q9O>eQf#iOg3lHiO^i7^n<UnG@pv{~tKSfww>5J5gh@lC{hm|Bh?j$Le3nDMm1(H~DAF7PlvycnhLso!prz5n>q}Z"
    ";eH?Hhj(uUS+y8-ay#`E_xq?=$!XvnRC+vrC?kn$vX&Z*XC3#2}vq7e!=(2};^nNo*P8q6hh;k7__;uHW17eNMj0wa_I?<|fQHu!)>+prP9t(^fF"
    "DLJ=xppAAyTFr6Oa>5-__YSR4ZrwIrYvor2x9I*FvS7gC_&!SZ5PL8dcNx>F&x1ME?qk>?wK2S&*u4N6X?m0wMm|si*Ga@}vr0P-jhT=-yL>F$7e"
    "|8MFtCC&%XC1mUKRU2%}g%{*`$MJw;OH@v|-F_&=x`LAfxb@=VT!Auh{)!2i7m9@G??x{t~pLP|`&1S#)dNb)8xZ7Zen%C@7|pb1j7XXs^(~zD-Y"
    "*f=u5zSnGiUVRWTI$UJ)NkK14s!0F?FT=3`%Zw`Mnc{rWs`0b}rHXu8HqoPxcS?lIO`-*}HMuCFamh8hHY>qAlk}{7f%zXzUUk5IB;2VsaWEv-Cq"
    "9IDmr6~P%`jgkLV28y92T!RI2Xl(fc-!E`U>2A^t*!JCtj8xZ7I_`2YYoS0>O8Z{JrYq~0+Z%?h}ZhY$i8HDzFF2d>Vzwd?{~WtHxxTYz;-uqKx*"
    "WOVC9;P3$$nl3k=)V_{PSkbUxYvLOglzf(ASPm*I$C<?rD4H&rNv1+tFQ)N1x{?d^VwH@89_$8jp)gE@DIX+L0&8?p-_ooD92!g+W7y>KtQ)x#gc"
    "`z!2f1WP>O!GNqJHiekr2B){nTU&3E%niQ5xAgU}O>tv!KYz08;bAZ|dO^Zv2wt}(X4hg2j!=(Kt?FP(vV<5)KEC}5WmAk-EZPam3q}COsIH9&$5"
    "vRPVHvrIZ<-<MIidR_b??sMLFYh`Y)v>Phm1Bk{L?B)BJ0HLkgpif!#1bm#^rf67zOM`)SlRy7Vy2cg3h8cl5LR5ZIWs_a6rJOT~4xXnF2m&_hB("
    "4P=r?<Uelh8+7E@1yk6qyawX2zE+LRAfM^>RJev-%+~LPMpo1$n`dpAWHkl4=<uo7eD-1>)*QW&PZL_)4p&}~>%S#yXkgJb&qwgfiT&T%+<Xj*-6"
    "5?22hUT`$OUe}zSOT-9fZU;>eTAUBf9LmWk&yvhv|Z5(Ico^rJ679GA9KnImv(E3aC=bZ<{Y=_MA%Oo=ot7KMDsg8`|b~VzkTCd(KH4bnV*ZVd^G"
    "8sk8i0}iqp5~vNdO_0xCbma$d~+YLA(ZlVtS0yQJlz;+@onY#Y1((vP;yKe@Bmg@_!A(B=Ba{B6-;fudv0SB<=aqlsWrYg7~dQ}*5<96Vh7U_2fx"
    "=#R(lB#L(Xn!BRh9*@zLVg>fanwZgRjh1l{7D1kLBW~APhy0p`E(`@k_Y4fA{G);%I;V<P*WlefrWBI9zBGZ}E;o;s>6%c&{zExjkKlJ0sO|N2`Z"
    "S}@+Z2Ce52D|2a)>`}8-MJT#p##j{WX9=YZLA!80b+Y5zzZ`=kG@THTj(U3%=jI8ol$2$=~jZZ{GVPZZ*_ULk*pk;LJ0zG1mVjp}YA1QYg1zv339"
    "HRy6cHXvf~x;L|(sMF&hnFI{Fcdo!&ZnW7es=^^pyy*;ul){jntpnQ#U41B?$TM$2kY2Zn_WY1MG)8Zet>_0Syt(6uADCS!6pIiTKqO_rg8fvJah"
    "8k+9p@tedXEM$IOE%O{Lk%_5P(uwh)KEh&f&jVu^Lh;lr0&lrGkQ-!XRa$rAx&QLmbu?&Bs<NZXtC?CCd*Q5I^R-vJ+Z-ArFjuAd!t=v6hU#>oN*"
    "wFHC^;hUGCD(Z1&xDYd7ZR`DQ2PhV@JGZe0!3hUxAl#XfYiQgUtLj7Hk8JAqTq1|B<J&Cn2MaJ&_h?40<-)qeevy&UHs=gZ4Ik`?{PjB3R)o!c*8"
    "U9~uii<!E7=BsiB#ooy=r4M}5aURSzvQOIX?AEOSHy1K=hIX5&99q111CUI8L__C7-*mpt&C-RUnO|pBE%!=GeC#DqMGM#jO|$=sv^lqAET0u5m8"
    "ecn>MtHi`NX{WT=IrbYP_oEKoC-2DnKWx2H#Eu>KCzLx{<?O6-#{>o|L3E1kr9y$9as-WR%YDMJq>i22WWcTvk1KM&^`wzJ=+?H$0OEyjP1)yA7L"
    "8ITGhMlvOAf>mtn^2st1r(!YSDI<!Crb)e5&;jkE!mh7wk6tehnn3F?#fjcKQo#TyL;iFn-H3YUHTjx<mcrB0~!#OL8j(w?~x<qZSWG=Ks_nD=MJ"
    "9Rlw%q)gwX$|IcGkR@Ht2+}GWlTd+9kbE}UTPW79_8z0p)|<x5?J7FeRfeX;=EAjj*m;Iu5e!G<GLz31R<$D!mbt<5SNjXbE>(fm@re>OLdA!$<3"
    "V?&it^EXLy;^S!IP-m+W;_nW}u(xyEr-h>x8rPA-A*kyc@%%ck1-5Q+>d0kw{;vq)ay^vo?iBG4i7%yGxZLt#fBNII|eRTx_b#dXxvr|$Lib~2Y3"
    "{sT^#ve*"
)

BLOCKS, CLASSES = _expand()
"""Two levels: `CLASSES[BLOCKS[c >> 6] * 64 + (c & 63)]` is the class of code point c; `CLASSES[c]` is it for c < 128.

BLOCKS (uint16[32768]) covers every number a lead byte and its followers can spell, so broken UTF-8 stays inside."""
