"""Category and script of every code point, as `tokenizers` (Oniguruma) has them, packed.

Made by benchmarks/unicode_properties.py; do not edit. `operators.unicode.properties` unpacks it.
"""
# fmt: off

from typing import Final

CATEGORIES: Final = (
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
    "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
)
"""General categories, in the order of their numbers."""
SCRIPTS: Final = (
    "Adlam", "Ahom", "Anatolian_Hieroglyphs", "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Bassa_Vah",
    "Batak", "Bengali", "Bhaiksuki", "Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "Canadian_Aboriginal",
    "Carian", "Caucasian_Albanian", "Chakma", "Cham", "Cherokee", "Chorasmian", "Common", "Coptic", "Cuneiform",
    "Cypriot", "Cypro_Minoan", "Cyrillic", "Deseret", "Devanagari", "Dives_Akuru", "Dogra", "Duployan",
    "Egyptian_Hieroglyphs", "Elbasan", "Elymaic", "Ethiopic", "Garay", "Georgian", "Glagolitic", "Gothic",
    "Grantha", "Greek", "Gujarati", "Gunjala_Gondi", "Gurmukhi", "Gurung_Khema", "Han", "Hangul",
    "Hanifi_Rohingya", "Hanunoo", "Hatran", "Hebrew", "Hiragana", "Imperial_Aramaic", "Inherited",
    "Inscriptional_Pahlavi", "Inscriptional_Parthian", "Javanese", "Kaithi", "Kannada", "Katakana", "Kawi",
    "Kayah_Li", "Kharoshthi", "Khitan_Small_Script", "Khmer", "Khojki", "Khudawadi", "Kirat_Rai", "Lao", "Latin",
    "Lepcha", "Limbu", "Linear_A", "Linear_B", "Lisu", "Lycian", "Lydian", "Mahajani", "Makasar", "Malayalam",
    "Mandaic", "Manichaean", "Marchen", "Masaram_Gondi", "Medefaidrin", "Meetei_Mayek", "Mende_Kikakui",
    "Meroitic_Cursive", "Meroitic_Hieroglyphs", "Miao", "Modi", "Mongolian", "Mro", "Multani", "Myanmar",
    "Nabataean", "Nag_Mundari", "Nandinagari", "New_Tai_Lue", "Newa", "Nko", "Nushu", "Nyiakeng_Puachue_Hmong",
    "Ogham", "Ol_Chiki", "Ol_Onal", "Old_Hungarian", "Old_Italic", "Old_North_Arabian", "Old_Permic",
    "Old_Persian", "Old_Sogdian", "Old_South_Arabian", "Old_Turkic", "Old_Uyghur", "Oriya", "Osage", "Osmanya",
    "Pahawh_Hmong", "Palmyrene", "Pau_Cin_Hau", "Phags_Pa", "Phoenician", "Psalter_Pahlavi", "Rejang", "Runic",
    "Samaritan", "Saurashtra", "Sharada", "Shavian", "Siddham", "SignWriting", "Sinhala", "Sogdian",
    "Sora_Sompeng", "Soyombo", "Sundanese", "Sunuwar", "Syloti_Nagri", "Syriac", "Tagalog", "Tagbanwa", "Tai_Le",
    "Tai_Tham", "Tai_Viet", "Takri", "Tamil", "Tangsa", "Tangut", "Telugu", "Thaana", "Thai", "Tibetan",
    "Tifinagh", "Tirhuta", "Todhri", "Toto", "Tulu_Tigalari", "Ugaritic", "Vai", "Vithkuqi", "Wancho",
    "Warang_Citi", "Yezidi", "Yi", "Zanabazar_Square", "Unknown",
)
"""Scripts, in the order of their numbers."""
TOKENIZERS_VERSION: Final = "0.23.3"
"""The version whose properties these are."""
PACKED: Final = (
    "c-rk<TaX;pdG2%T+sy22&ra{oj?}9~5<)^NbU{d3ZsKCF6$r)#gSp?G05)JC5S!QroPd)+AST8HuwxU0$^VpxR8oFRrII}RB~%_#DOX<d>L-`0Qi"
    "b#V|LN}O*&TEPVX)`>r%(4eefnJf`)Ee9iR&o?66jPLJ@nUd3i)JJ16p1RPb{ctpkj4$(8s7B&*MhRmC=?<)O2HoTK1%IW$f`TqG~bfq!DSEv!3!"
    "YwINAtd&W5)I(uj|ktuu0GF7IMElQjBoY@bkwb`@hc-W&)l%W$@qSdL!Hm$-PUQD}WLR`cftko@7ink^GmQ~tHQ>)coU@_DZ4_KX|#|+<H+5o<6Y"
    "pI#^w1gRpVdkw$aOHGYE%HDuH-Iv0m+VjjRTy<ZSRb?ISd(g<DjrI!SZh7cQy43%gDNixvtd0j4;@wvR-yG>dC{V08V!(O1X)EeB&AZc@+y2U)&S"
    "$YZfe!lGHHZWHKz5wSl%*mq^pTBUCQ=|@vUc!!Ca<|+dL=lImG@AMg!-tV7AX$ul;x=;!zZjnMS-jo>ID`<%CXFr6V0mw-mLu*1Y%~+K<7iX|X$A"
    "P2yMGGXv~T>4+D__u~*8Qtdrxvgi_n1E*^leSi{!CJ+Hz32xYBWxC9@FijgO7ptvy1`lZ0Qd=<s3(e}&cWNGxd6I^ZJ{Dpyt?ei;krWKr#`EZ%7&"
    "15lwnf6l9XL*_YhAU9@=|S*zL`zK>v*?cgjuqeGglZBM?Hfb^}vIqr`sLoYkNQB5JM3?3v?Q$tbW1_EM|*3Cvti-=Ds}L#0tZT6Eeqix`a)v*dZi"
    "m^zs55r9MY?FB=7~6b}X!&@*awuT{H64vv`sIi*PgnJuv@@L=IK7CJL5wp(K;jB%+k=~4)$Dz{UcI5w)Igz>CkZktnkopl|xd8@ieeH4+L`YGZ#g"
    "plL7Jdc`Zq%n@cZT78DU!2+AQN|9&r6jDhSiyAZ3u6{e!ivP2&=Qq)IFt^JS3;#a=Cp1HW3;=lU5QTK!Mm__%`%o{Wp?b>QJdW&4Hi+titr+}Npx"
    "&eTbA5s{r!wuTHGFfYQB}9Kioh6Pgux-_(Ao{@%=8XK!Y}o>a)Q&Co|@-cdJV8$#r;!URL*VWHGu9H(Gf$Kh^La6-;urvf)D!d*g+KT~(8o^(Z<g"
    "J~}m4=-8>S1oSA1ZXT)|+V2c!*M@Z6yi6>+T`#8Vyu-gyM7C4i3ZbOS+Y&XqNu^7%>f&@pcXqe>{M-M0QIM<0&B0`QsM`weME6g0>qe!=isP53I*"
    "b<*z2>?1X%y>NaI}FPJEe8W$l44eFV&pmuT|{qU<7PA;eH$IeX}}-3+u6+!0T<q3Km+3?FH;^x01lwfdN^L4oT|Nj*#V$a3JHP)XplgFla05sFs*"
    "D(3~A;pX;P--l1sBPGva+YJ2q-T`m(-|ERrS_u3$MK;O45YCFfa+mW4dm-NnT_I_B)Mfw2LjK#@LI-K#5eVy)bw6i0g$<{IHvm9^VGnXz~)h@ls$"
    "ZEAIGgzO?K#PWIPEv!J%}+REcbViIn?W%<VA3x2bYb>()dst46O(~4aPV$PAzb3}%<bFvEMb>h?N+-z-rs_A>Pk9Mp3VOD!DK#-2cbGsC6}>WRyd"
    "ky<R&U!(9xzi*@L;An+KzZPF=J-fKX=jS<FdiIRPjT+EfxHQK2EX<ydXRo}=V|iRN`Y=i**u+tJlW4xZgPJHkR@#5V9~9x0ESkM&PCVP<CMtT||l"
    "RK@cx>*jmbZp)+o0!M;#x{>Xt%y72tU6Ol&%V=4Q($H*moKLWOjJL4SYPH8CT2`jSj*RNJddT*eshVTpg%b3^fK-LM*{e(7ZlqdXnmmu;^a<V<If"
    "ZMbA``eG6ME@Xs*dHyx;V$g>@2L~^iG+jJ>1QDO^MUDc4OgOTd;cb9(0wc-AcpG+|JtDA?o)xZV=&H_&rV*qo1r8-uK<h%W2Y<_Yuef)W9b_rK%<"
    "A<*`1)M=8bzm2T(BV@{N`Ijh5Sxz6lrl>XysNC(42o$gai<<fM{=p}63r>sY~+~(~u;)RFIvSn8pc9b4Se=(;yC4@^=o3#^V?WF2+s+-3)>!?@1@"
    "St+7f4%Y!-Pr>J?WV7}PyS@7jilt?SEEgA&7X!{A_-FIo``iwA=8Ug?&kj9Y}e?uyu4uVxdQD6Bir#QN(-_`ei;Yv>`=-7T3M>vggmj}T;Ime+52"
    "6`BuKAWa5w)v4gcZFv-Cpp==r}$&(P<?qC%ub(UQF&zr?7o_S^mT^~vJ1!{IPez2VTmGh*(=RuZw+aL5V}<B~5}B@8Yb*r*rPq6#M!7;Rs0(C&*7"
    "thDPo)xA1Z{V@EGNM%|S%w2ezdT5u4BF(07(UQtmEWF!KHz=FFv!q#_e-?>;b=AM=B-*igGpb-*b{@OYD|e~xzgS4w=M1U$Ibr2`O#Nnj^wykNW~"
    "D=_G6!W)*?v8<V(&&i(#0&Nr=2as5VZBsQ0dN!O(H!LzWRUeKW%0@=5c#l*oMip?ICEy_IOF-9ma*%wr6z5r0!7E)h#&Lm(<N^__O76!~fP#&+P3"
    "!@W#^rT;Xm<escShKc9V9zpH~OrkG-i-yo<H={)s-Q~ZXg^2rRKraV45EC!zq0y|~m#{@g2j2G2!t0hczbczoa#-Gxl@`K$#59K1%?@JdK0>eEvu"
    "kWprX20&QU#-VCYL9Q%>X@uBAG+!56MWvj70lu^9~6O3w3`cN|4Z86{Z;U*scB3x#S~LaF~t;9Ofkh2Q%o_%6eoam%7Q7Tm|}`4rkG-iDW;fWiYc"
    "a;;(cOqadAGI%Q`bzFKcHp%Ak|Y^jm$^>CN=~-8}2(w%Z%#{k)g<Rn|}KY?=kVK=oAc5hu$pt;*N2Nq^AuD`WahQaElh{eb^le-;$|et;6B<Twi9"
    ")sw5^nKO6JMS=S06Si(Lm9>j}u5fLa2^F@mSuq^;pq5$gvSF5G)>!A_%sPu>m^<TgXJealM>OIYi&GI>XY$MxZVnehMOIiT3fs5EuyEG6p>v^ip|"
    "c?hT;X{rzQG6~_p6CJ6k&mmh1_r$e=g1EEY`TDD>|cJ;fbp;4_Ztb(D8`naM>K6CiE&NE^nb{Zd2SS)>Fvi`4Ph+#_IBdw^omZ+oM(SNJW<BXwBA"
    "4Sgxy@udv+WpQ+i9qc!Eb7-4+X<?gY9B4m!E(;PSrwl){*tSk)j;Ry<xXCRkjILFkP>CDKK*g(cZxB|@u_bR-scxTXpkOvAuygd<Q9J*W#sZg0wb"
    "`qn;Se&JpoqHE;tisOQ&J2_;;Wc7g%pT@~-<d6E&P+BZtVs)KB%CD_3EMEEjmgTHQ(#73WN|fJoEACr9E#{=TaH-ZdC0>+Q6g@vW&#tyIqW^dWwm"
    "Wv->pW;FneraKw?M%M#-G8h9zbT`K18)y$xgB$H5z%3i7<EoQ?3w`&(7`A49=8(0$b}&nSz&3i^ew7xTm6u$^^hJN(KP2E%z&vR2lUfZ59Chs7{8"
    "MT)xN0?Iwd(u6$o0Ob8~koSVTByI~hF5nE8p7(N<r%9laG%tGjdSa`PQ(1>*rFou?-5(L!J2Smey_fgKJJdJIq8>C~&pZ=+7$TC1p`dU~nPR@Pi^"
    "wK<I|tr_`~KC=+WxBA5$uTDI&c?NQ@hAL&1bo>$!PaA*V?#FT-Y{wVr-W4Bz<GsHZ#W02~NXP@R8<Bz5oz>*!J;=$@m3pKf%nvMF@B1XkCo63BpL"
    "9Glmb2%-VXtOq5PEc#E{kYJrVdcD<DY3UgOTI6{nOFUIbQ!#4sr!Zbp<II@w~%L)Tuh`7z1^ljo;Ii_&@&w0#hc<*qHI6~YET|-M$pZ}M=feCxxn"
    "T2Jz0d3eQJy^$_?KO1E_6s}H$wlIYokQ9Ig({rO+O4&g!*^O)k+sWeuiYz<s>nFQ;=OZe|0H%|M)S_~`bd4)0EhV+WzP_2@`Sa`t8f{P5V-KNiA{"
    "Wj;y9iqkOhKXEG|wSF8y4gipr!s8KLIJVRkl8EoS3-iqSKk-1_TO!f+McczWDQGhPECT9Iac38}m?8H6X5ECK0~u>lf0ql%u~a_utVNLj@Eu*+mW"
    "g(PBlJ{HNkGVUSwbKoiOOhSFZ!Ji-Xio*|OkWmPYf@1kCl)>8BhE8OKe|lZ2<x`(f(w<Oqo}%%X&wC0V(K+|T4qY{a<>V%Fwvn1-RuU&C{WDv4mG"
    "-PoBrr}a8d;?Qahm1jI2j}vvw-V06rm(^yxYv{u}>f{Tj&kMO42M#<hew4Sz*`o<}4)hnVPpPpXqt=))o?$9eBk>A&HO^mRGxq`AM;B43_xJ8pW{"
    "YH#+&T*lhhaMb5c_dyPvqgAu?T1WNSB@vKlwlNn}s;nmXC$~rNf<2MFH9>X#uPxOQ=FdRxQnM>-JvJK(z@m}6#)fqrhd9TV+MmN{ExgNjGom42~<"
    "*uYm)`75&QC&?&)Crr5Ip1U!fjLO}4f6;|UD3>sQ-@_q-;9IJT*_r(-#7It_7r9EASmRhsGk=nMDc`qhW!4j*a#Y|!;!Jmn$||`$lwUSrZ^Tn!`g"
    "gWT>%C-h);xrOY#llSR6y$TpSlxi;o4!l4YQz0~H8#fXo1Ih(^c2tnxb~DY&J=3-khmUNEn|`YQdt2hLBIpr`5DYw22gfzX)@`R6w^v5I5B7ipT("
    "7?llGvu_d5?%lMG#w!5r+C^iuiyL;8%~I#n<B!uA3FLxCXB02LOcThr))id+H9#dbE~V<*E@V(mzUE(4oi3znuDOP;;j%tg6)wK@EgGZ7#cKc!UK"
    "7x#M#N~;U!MqioyM+k3|^-@kB#jlG}yj<-!?i1ZR3OHLHzFn+5G@LHF)YNdhx{<>Bar~_YY`xmi|)c6JsEz+Xf&3l?Td<uAnP`vcT!v^lkbA6JDR"
    "_0@QtpK`*^jok=RRy1GhX16Ad@29gSt{0@Wo^+kXU2^)WoRtFW~MMqYOBP*cd$dQ%R-&Wr%p4IzSYEZ-Bj-P3zy6aEO$)f{Zj!+#T3D+!5$a8(ym"
    "8#deVCusJ4UPkJeBCO{432lu9Xr;uZ}CF};qW&6J^CJA>&><poG56o5MS;EO~&5UeO&TwItU{=cyMrdFgSde+O&@!ZG$<7_j#`GlkzYK<Gua%+w?"
    "YFb=6gWE1**lAtQiiKDGJDNj*mVqDD>d7Yzu@=xbl2ZvrT&jJOwHeDUDoC!c(hp4><0*Py}qbiQ}x<nvxCOUi2}|5qarjvFd8w1kt=73_-UM|W?4"
    "B$-Im;Ru!K2GzvL!C>H11Wppf>S?t&n%R$6<jJ+RxjvU>)!9cCjh@EqcgIL<()*+VywPBlK21GnCq4KeJ$NQSU;Z+^L2o=v4?p}cEiL`YSLiGBho"
    "G%AM{_@-arzs&Qb<Hb8%A`94jp>pi6`!&yXYLIuYaAsel=Z9H{V1z-Gt+kO9&)Ib@Aw<k3RGeeGWiDj@)^4-nn${H;CyE=mDm)&!)5K3<miE%=t0"
    ">7%%42Bab{ne+tlJk3B{U3v@bl1oi2H5$FQ?Gf<yVmY)IWkJkao$7OWc2y{n9chKbkT~0f9Qj=D9GDZ#l^uvmN*til%<@ZM5Yx;fz^nH5fnP>Q5("
    "5)5dR=SP8Q-i)kcaoy=2lo7#P7}~u0KK(LCHbNRuJ56H?vaB*e^-J2d<4q=h&Ivl&(rhNqE<@|De1cF2qd8EnXWHST%N_`i?ifR^jUx|0;oLX`YO"
    "pY>E$7L+PIOnFlY;D+QXoTZfE)~eV1a2WBRHGRrE;)eIB4&=$2dfpjYnQyZ2I9C($eP%B6JaD|Fb?!NYLN2j%)++Fa4*&0;h#QqaJY1Z$rGkvE*`"
    "#-J+dmd1^-mbEraM-7|L)*vQvgtVik0(2kUcb_kQ@B@1D%{S>yx*MP`0raKXZQV#W-bnm0KQWEFmG?^nTE96O92{$;6QU}zHpvTv5yU}kYZx5L%E"
    "!KPlDqN)6sr6Y3jPP_fPd}X`p<!;I5rwzF(~W&vgIdMzBxFKQI3DUj}c>7(E`s2PyS<*fVIxb_e=uof9_QNj0cXO<d^XsM>`JqBZ|O|7|pf77hVR"
    "zd$7lre<Ebf$DFDbj{npXGwPuJ2z0`yqBY4%f{6oGJ<-Vqqv}|%sz=>3P<rB=!Kf?GDnGZ<+{l_e@koIV*0zqVtDJ8%^oR|C{KPCzGhx+!1@e(s*"
    "_YY6ex9mdz;dxcHC!MLr<%(8t|Bw(HTvmuJMnka8($4l>e!zW>dGQn{rInYSoxr>wnQ7Kae45PtY?i5yt9<ga!1P7kg$?v*PjTASiCll*(X150zd"
    "A!RtAA^E|~a>@6{;Q1l8Y=slJo-adZM7hLch2H9lzYY21?h;T1k+LDq=NVCmR3;c%Ak^OxY*M``g_rKp<@f9wlp&530u{(7AJRgcMEC6qACr%{t;"
    "Z_vCyf|j16`nnGFjj|Yx`s<TVrPkUuzhF4YY>x_6Z+RVJ9?z`VeRVB1BxNNtTN{-yTV#X_CSL?WP}{j!pjGB1EY2!>?7t9UgWwb!b8xaxH3RJ=yY"
    "u0w3<&J5{EnH`whGlXFW4KFe-A5Yjv4soV8Z;i{=-=7BWSJAR#oA~3v$fbM^+g~45)<dvtK3OyqEyj(4fGUA*u>irGCMKi%JHLSx`MN?uy1Rz6s0"
    "RGrIl-wX$9NOu#4~qJ@RR*~Tub9O(GI%4N&%@s?lI)%>uSA75)Vp4w=>#ebs4w`%Jr^F!Ej5G9WpNrEcwmbc1DwG^eN)s@I>pv{;rF$ZPqrcwo43"
    "BH!D^BTobRFCx0j>*^7{CTfbYhqHjHU$`&eK}k({uaoV3k@o@YqmEWEWe8~jbV+jvDRACO!dZWta_@ENsfiMD%O-rJl0#XkhPm0ZPcupPV$`Ej7G"
    "zl+O9<`ww7um12ScbXUk#5kR(?(m4=kk(DkFE1XKrVJS(1<&iVHUrZkK?gf%QnRlZs`(z3OpR%(*)*S&dD6N@p6JIY$ij(%6ACKz7?YrZ63>6NbO"
    "{eLxW9C~8wiNd_cJih#Ydz@ha"
)
