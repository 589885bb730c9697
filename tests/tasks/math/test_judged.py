r"""Answers beside targets, judged by hand from the mathematics, the answer as it was written first."""

import pytest

from harness.tasks.math.answers import equivalent

RIGHT = r"""
2 1/4 | \frac94
2\ \tfrac14 | 2.25
1.25\times10^{4} | 12500
12{,}500 | 12500
12\,500 | 12{,}500
12 500 | 12,500
12.500 | 12.5
12.5 | \frac{25}{2}
7\text{ apples} | 7
7 marbles | 7
7\text{ square inches} | 7
7\text{ in}^2 | 7 \text{ square inches}
7\text{ cm} | 7\text{ centimeters}
7\text{ miles per hour} | 7
7 mph | 7
7\,\mathrm{N} | 7
7 dozen | 84
7 \text{ hundred} | 700
7 thirds | \frac73
7 squared | 49
4! | 24
7, -7 | \pm 7
-7,7 | \pm 7
x=7 | 7
n=7 | 7
f(3)=7 | 7
3+4=7 | 7
\$7 | 7
\$7.00 | 7
7 \text{ USD} | 7
7\% | 7
7\% | 7 \text{ percent}
70° | 70
70^\circ | 70^{\circ}
70 \text{ degrees} | 70^\circ
7^{\text{th}} | 7
7th | 7
\text{seven} | 7
seven | 7
7 | \text{seven}
twenty-one | 21
\approx 7 | 7
0.666\ldots | \frac23
0.\overline{6} | \frac23
0.1\overline{6} | \frac16
0.\overline{142857} | \frac17
110_2 | 110_2
110_{2} | 110_2
110 | 110_2
110_{\text{two}} | 110_2
3:5 | \frac35
3:5 | 3:5
6:10 | 3:5
3 \text{ to } 5 | 3:5
7:45 | 7:45
7:45 \text{ a.m.} | 7:45 \text{ AM}
7:45 PM | 7:45
\text{March 3} | \text{March 3}
March 3 | \text{March 3}
\begin{pmatrix}1\\2\end{pmatrix} | \begin{bmatrix}1\\2\end{bmatrix}
(1,2) | \begin{pmatrix}1\\2\end{pmatrix}
\langle 1,2\rangle | (1,2)
\begin{pmatrix}\frac12&0\\0&2\end{pmatrix} | \begin{pmatrix}0.5&0\\0&2\end{pmatrix}
[0,\infty) | x\ge 0
x \geq 0 | [0,\infty)
0 \le x \le 1 | [0,1]
(-\infty,2)\cup(2,\infty) | \mathbb{R}\setminus\{2\}
x<1 \text{ or } x>3 | (-\infty,1)\cup(3,\infty)
(3,\infty)\cup(-\infty,1) | (-\infty,1)\cup(3,\infty)
\{3,1,2\} | \{1,2,3\}
3,1,2 | 1,2,3
1, 2 \text{ and } 3 | 1,2,3
\{1,2,3\} | 1,2,3
(1,2),(3,4) | (3,4),(1,2)
x=1, x=2 | 1,2
x=1 \text{ or } x=2 | 1,2
x=3,y=4 | (3,4)
y=4,x=3 | (3,4)
(x,y)=(3,4) | (3,4)
2\pm\sqrt3 | 2+\sqrt3, 2-\sqrt3
\emptyset | \varnothing
\text{no solution} | \emptyset
\text{DNE} | \text{Does not exist}
yes | \text{Yes}
\text{No, because it fails} | \text{No}
\text{a circle} | \text{circle}
\text{(C)} | \text{C}
C | \text{(C)}
\text{(C) } 17 | C
\textbf{C} | \text{(C)}
\mathrm{C} | \text{(C)}
2\mathrm{i} | 2i
1+2\mathrm{i} | 1+2i
2i+1 | 1+2i
\pi R^2 | \pi R^2
(x+2)(x-2) | x^2-4
y=x^2+1 | x^2+1
x^2+1 | y=x^2+1
2x+3y=6 | 6 - 2x - 3y = 0
4x+6y=12 | 2x+3y=6
y-3x=0 | y=3x
1 | \lim_{x\to0}\frac{\sin x}{x}
55 | \sum_{k=1}^{10} k
1,024 | 2^{10}
3^9 | 19,683
100,000 | 10^5
10^-2 | 0.01
y^-3 | \frac{1}{y^3}
\{x : x>4\} | (4,\infty)
\{t \mid 1<t\le 4\} | (1,4]
\{x\in\mathbb{R} : x<4\} | x<4
\sum_{k=1}^{n} k | \sum_{j=1}^{n} j
\frac{n(n+1)}{2} | \frac{n^2+n}{2}
\binom{6}{2} | 15
{}_6C_2 | 15
2^{10} | 1024
\sqrt{12} | 2\sqrt3
\frac{1}{\sqrt2} | \frac{\sqrt2}{2}
\sqrt[3]{27} | 3
3 | \sqrt[3]{27}
\sin^2 x | 1-\cos^2 x
\frac{\sqrt2}{2} | \sin 45^\circ
\ln 8 | 3\ln 2
\log_3 9 | 2
2 \ln 5 | \ln 25
|x-1| | |1-x|
5 (units) | 5
5 \text{ (dollars)} | 5
13 \pmod{17} | 13
\frac{5}{-3} | -\frac53
-\frac{-5}{3} | \frac53
+5 | 5
05 | 5
5. | 5
\boxed{5} | 5
\mathbf{5} | 5
{5} | 5
\left(\frac{1}{2},\frac{3}{4}\right) | (0.5,0.75)
1,234,567 | 1234567
1.2 \text{ million} | 1,200,000
1.2 \times 10^6 | 1200000
5 (or 5.0) | 5
\frac12 \text{ or } 0.5 | \frac12
1,3,5,\ldots | 1,3,5,\dots
\frac{x}{2}+\frac{1}{2} | \frac{x+1}{2}
\infty | \infty
+\infty | \infty
\text{infinity} | \infty
\text{all real numbers} | (-\infty,\infty)
\mathbb R | (-\infty, \infty)
-\sqrt[3]{2} | \sqrt[3]{-2}
\text{Alice} | \text{alice}
\text{Alice} | Alice
\text{Monday} | \text{monday}
x^3 + 3x - 6 | x^3+3x-6
\frac{4}{6} | \frac23
75 | 75 \text{ km/h}
75 \text{ km/h} | 75
18.90 | \$18.90
5.4 | 5.4 \text{ cents}
864 | 864 \mbox{ inches}^2
\frac{270}{7} | \frac{270}7\text{ degrees}
x \in [-2,7] | [-2,7]
[-2,7] | x \in [-2,7]
2516 | 2516_8
\tan^{-1}(2) | \arctan 2
1+\sqrt5,1-\sqrt5,-2 | \{1\pm\sqrt{5},-2\}
k=\frac{1}{2} | 0.5
a=1,b=2,c=3 | (1,2,3)
2\cdot 3 | 6
2 \times 3 | 6
2*3 | 6
x*y | xy
x^{2} | x^2
x**2 | x^2
sqrt(2)/2 | \frac{\sqrt2}{2}
(1/2)x | \frac{x}{2}
pi/4 | \frac{\pi}{4}
\frac{pi}{4} | \frac{\pi}{4}
3pi | 3\pi
e^2 | e^{2}
\mathrm{e}^2 | e^2
\ln(2) | \ln 2
180 - x | 180-x
36\text{ sq. units} | 36
36\text{ cubic cm} | 36
36 cm^3 | 36
36 cm^3 | 36\text{ cubic centimeters}
\frac{3}{8}\text{ of the cake} | \frac38
3/8 | 0.375
.375 | \frac{3}{8}
3\frac12 | 3.5
3\frac{1}{2}\pi | \frac{7\pi}{2}
-2\frac12 | -2.5
2\cdot\frac12 | 1
1{,}000{,}000 | 10^6
1\,000\,000 | 10^6
1 000 000 | 10^6
1'000'000 | 10^6
4.2 \times 10^{-3} | 0.0042
4.2e-3 | 0.0042
4.2\cdot10^{-3} | 0.0042
\text{forty-two} | 42
\text{one half} | \frac12
\text{minus three} | -3
\text{a dozen} | 12
x^2+C | x^2+C
42_{\text{five}} | 42_5
42 \text{ minutes} | 42
42 \text{ min} | 42 \text{ minutes}
42 \text{ students} | 42
42 students | 42 \text{ students}
\$42{,}000 | 42000
42 \text{ cents} | 42
42^{\circ}\text{C} | 42
\angle A = 42^\circ | 42
AB=42 | 42
P(A)=\frac{1}{4} | \frac14
S_{10}=55 | 55
\text{Area}=12 | 12
A = 6\sqrt3\text{ cm}^2 | 6\sqrt{3}
\text{Sum: } 12 | 12
x = 3 \text{ cm} | 3
|AB| = 5 | 5
5\text{ units} | 5
5\ \text{sq units} | 5
r=5 | r = 5
x=-1,\ y=3 | (-1,3)
(-1, 3) | x=-1, y=3
x=-1 \text{ and } y=3 | (-1,3)
(a,b)=(2,3) | (2,3)
(2, 3), (3, 2) | (3,2),(2,3)
\{(2,3),(3,2)\} | (2,3), (3,2)
2<x\le3 | (2,3]
3 \ge x > 2 | (2,3]
x>2 | (2,\infty)
(2,\infty) | x > 2
x\ge2 | x \geqslant 2
x > 1 | 1 < x
2x>4 | x>2
[-1,0]\cup[1,\infty) | [1,\infty)\cup[-1,0]
(-\infty,0)\cup(0,\infty) | x\ne0
\mathbb{R}\setminus\{0\} | x \neq 0
\text{all real numbers except } 0 | x\neq0
(-\infty,\infty) | \text{all real numbers}
\{1\} | 1
1 | \{1\}
\{1,1,2\} | \{1,2\}
\{\} | \varnothing
\begin{bmatrix}1&0\\0&1\end{bmatrix} | \begin{pmatrix}1&0\\0&1\end{pmatrix}
\begin{pmatrix}1&2\end{pmatrix} | (1,2)
2\begin{pmatrix}1\\2\end{pmatrix} | \begin{pmatrix}2\\4\end{pmatrix}
y = \frac{1}{2}x + 3 | y=0.5x+3
y=3+\frac{x}{2} | y=0.5x+3
x-2y+6=0 | y=0.5x+3
(x-1)^2+(y-2)^2=9 | x^2+y^2-2x-4y-4=0
5 \pm 2i | 5+2i,5-2i
-\sqrt2,\sqrt2 | \pm\sqrt2
3-4\mathrm{i} | 3-4i
n(n+1) | n^2+n
(n+1)! | (n+1)\cdot n!
7! | 5040
\frac{10!}{5!5!} | 252
{10\choose5} | 252
\dbinom{10}{5} | 252
{}^{10}C_5 | 252
2^{15} | 32768
0.142857142857... | \frac17
0.\overline{9} | 1
\sqrt{2}+\sqrt{3} | \sqrt{5+2\sqrt6}
4\sqrt[3]{2} | \sqrt[3]{128}
2^{1/2} | \sqrt2
\sqrt{\frac{1}{2}} | \frac{\sqrt2}{2}
\sqrt{50} | 5\sqrt2
5\sqrt(2) | 5\sqrt2
5 sqrt(2) | 5\sqrt2
5√2 | 5\sqrt2
2π | 2\pi
π/6 | \frac{\pi}{6}
2x | \frac{d}{dx}x^2
\cos(2x) | 2\cos^2 x - 1
1-2\sin^2 x | \cos 2x
\sec x | \frac{1}{\cos x}
\log_{2}{16} | 4
\frac{\ln 3}{\ln 2} | \log_2 3
\ln 6 | \ln 2+\ln 3
1:3 | \frac13
2:6 | 1:3
1 : 3 | 1:3
1:2:3 | 1:2:3
2:4:6 | 1:2:3
3:30 \text{ pm} | 3:30 \text{ p.m.}
\text{Tuesday} | \text{Tuesday}
\text{on Tuesday} | \text{Tuesday}
\text{July 4} | \text{July 4}
\text{True} | \text{true}
\text{Yes.} | Yes
\text{undefined} | \text{Undefined}
\text{no real solutions} | \text{no solution}
none | \text{none}
\text{parabola} | \text{Parabola}
\text{the parabola} | \text{parabola}
\text{(D) } 12 | \text{(D)}
(D) | D
D) 12 | D
B, D | \text{B and D}
D, B | B, D
12 \text{ (twelve)} | 12
\text{about } 12 | 12
\approx 12 | 12
(12) | 12
[12] | 12
\lfloor 12.5 \rfloor | 12
\left\lfloor\frac{25}{2}\right\rfloor | 12
\gcd(24,36) | 12
\sqrt{144} | 12
+12 | 12
12.0 | 12
12.00 | 12
012 | 12
12 \% | 12\%
12 \text{ percent} | 12
12\frac{1}{2}\% | 12.5
12^{\text{th}} | 12
12\text{th} | 12
12^{th} | 12
12 \mod 13 | 12
12 \pmod{13} | 12
n \equiv 12 \pmod{13} | 12
1,2,\ldots,12 | 1, 2, \dots, 12
\text{The answer is } 12 | 12
\boxed{\frac{1}{2}} | 0.5
\dfrac{7}{12} | 7/12
7/12 | \dfrac{7}{12}
\frac{7}{12}\approx 0.583 | \frac{7}{12}
x = \frac{7}{12} \approx 0.583 | \frac{7}{12}
2\sqrt{3}\approx 3.46 | 2\sqrt3
100\% | 100
6\frac{2}{3}\% | 6\frac23
6.\overline{6} | 6\frac23
33\frac{1}{3} | \frac{100}{3}
1 000 | 1000
1,00,000 | 100000
-1,234 | -1234
1,234.5 | 1234.5
\text{€}45 | 45
€45 | 45
£12.50 | 12.5
45 \text{ euros} | 45
3 hours | 3
3 hrs | 3 \text{ hours}
180 \text{ minutes} | 180
2.5\text{ m/s}^2 | 2.5
9.8\,\text{m}/\text{s}^2 | 9.8
9.8\,\frac{\text{m}}{\text{s}^2} | 9.8
60\ \frac{\text{km}}{\text{h}} | 60
12\ \Omega | 12\ \Omega
4 \text{ units}^3 | 4
16\pi \text{ cm}^2 | 16\pi
16\pi\ \mathrm{cm}^2 | 16\pi
4\sqrt{3} \text{ square units} | 4\sqrt3
(4,5) \text{ units} | (4,5)
12 \text{ more apples} | 12
x=12 | x=12
x=12 | 12
x\in\{1,2\} | \{1,2\}
x\in\{1,2\} | 1,2
x=1,2 | 1,2
x_1=1,x_2=2 | 1,2
n=1, n=2, n=3 | 1,2,3
1\text{ or }2 | 1,2
1 or 2 | 1, 2
1 \lor 2 | 1,2
1\text{, }2\text{, and }3 | 1,2,3
3\text{, }1\text{ and }2 | 1,2,3
-\frac12,1 | 1,-0.5
\frac{1\pm\sqrt5}{2} | \frac{1+\sqrt5}{2},\frac{1-\sqrt5}{2}
\frac{1\pm\sqrt5}{2} | \frac{1\pm\sqrt{5}}{2}
(0,0),(1,1) | \{(1,1),(0,0)\}
[0,1]\cup\{2\} | \{2\}\cup[0,1]
(-\infty,-2]\cup[2,\infty) | x\le-2 \text{ or } x\ge2
x\in(-\infty,-2]\cup[2,\infty) | x\le-2 \text{ or } x\ge2
|x|\ge2 | x\le-2 \text{ or } x\ge2
-2<x<2 | (-2,2)
-2<x \text{ and } x<2 | (-2,2)
2>x>-2 | (-2,2)
-2<y<2 | -2<y<2
y\in(-2,2) | (-2,2)
\mathbb{Z} | \text{all integers}
\text{even} | \text{Even}
\text{It is even} | \text{even}
\text{increasing} | \text{Increasing}
\text{isosceles triangle} | \text{isosceles triangle}
\text{an isosceles triangle} | \text{isosceles triangle}
\text{Red} | red
red | \text{Red}
A | A
\text{A} | A
A. | A
\textbf{(A)}\ 12 | (A)
\text{Choice A} | A
\text{Option (A)} | A
A,B,C | \text{A, B, C}
A, B, and C | A,B,C
C, A, B | A,B,C
f(x)=x^2-1 | f(x)=x^2-1
f(x)=x^2-1 | x^2-1
y=x^2-1 | f(x)=x^2-1
(x-1)(x+1) | f(x)=x^2-1
p(t) = t^2 | t^2
a_n=2n+1 | 2n+1
a_n = 1+2n | a_n=2n+1
x=2k\pi | 2\pi k
\frac{\pi}{2}+k\pi | \frac{(2k+1)\pi}{2}
y-1=2(x-3) | y=2x-5
2x-y=5 | y=2x-5
y=2x-5 | 2x-y-5=0
x^2+y^2=4 | x^2+y^2-4=0
\frac{x^2}{4}+y^2=1 | x^2+4y^2=4
3+4i | 4i+3
3+4\imath | 3+4i
3 + i4 | 3+4i
\sqrt{-9} | 3i
(1+i)^2 | 2i
f'(x)=2x | 2x
x_{1} | x_1
\alpha+\beta | \beta+\alpha
e | e
e^{x+1} | e\cdot e^x
\exp(x) | e^x
\ln e | 1
\sqrt{x^2+1} | (x^2+1)^{1/2}
x^{-1} | \frac1x
\frac{a}{b} | a/b
a \div b | \frac{a}{b}
ab^{-1} | \frac{a}{b}
\overline{AB} | \overline{AB}
3! \cdot 2 | 12
P_5^2 | P_5^2
\tbinom{8}{3} | 56
2^3\cdot 3^2 | 72
2^3\cdot3^2 | 3^2\cdot 2^3
10^{100} | 10^{100}
18446744073709551616 | 2^{64}
0 | -0
\frac{0}{5} | 0
\text{ten} | 10
ten | 10
one hundred twenty | 120
\text{two thirds} | \frac23
\text{zero} | 0
\text{None} | none
\text{There is no solution} | \text{no solution}
\text{cannot be determined} | \text{Cannot be determined}
15\% | 15
3 \text{ pm} | 3 \text{ p.m.}
3:00 \text{ PM} | 3 \text{ PM}
2500\,\mathrm{g} | 2500
4\ln 5 | 4\mathrm{ln}5
\mathrm{arctan}(2) | \arctan 2
\mathrm{lcm}(4,6) | 12
4\text{pi} | 4\pi
4 \text{ times } x | 4x
- 4 | -4
-(4) | -4
(-4)^2 | 16
\frac{-3}{-4} | \frac34
-\dfrac{3}{4} | \frac{-3}{4}
\frac{3}{4}x | \frac{3x}{4}
0.75x | \frac{3x}{4}
1.0\overline{3} | \frac{31}{30}
5.\overline{0} | 5
0.12\overline{34} | \frac{611}{4950}
111_2 | 111_{2}
111_{\text{base two}} | 111_2
(111)_2 | 111_2
1A_{16} | 1A_{16}
\text{(B) and (C)} | B, C
\left( 2 , 3 \right) | (2,3)
(2; 3) | (2,3)
{2, 3} | 2,3
\left\{2,3\right\} | \{3,2\}
2,3,5 | 5, 3, 2
2, 3, \text{ and } 5 | 2,3,5
a=2, b=3 | (2,3)
b=3, a=2 | (2,3)
(a, b) = (2, 3) | (2,3)
(x,y,z)=(1,2,3) | (1,2,3)
\begin{pmatrix} 2 \\ 3 \end{pmatrix} | (2,3)
\begin{vmatrix}1&2\\3&4\end{vmatrix} | -2
x\geq -3 | [-3,\infty)
-3\leq x | [-3,\infty)
x>-3, x\ne 2 | (-3,2)\cup(2,\infty)
(0,1)\cup(1,2) | (1,2)\cup(0,1)
x=\pm\sqrt{5} | \pm\sqrt5
\sqrt5,-\sqrt5 | x=\pm\sqrt5
1\pm i | 1+i,1-i
yx^2 | x^2y
z+y+x | x+y+z
4(x+2) | 4x+8
x^2+2xy+y^2 | (x+y)^2
\frac{1}{x+1} | (x+1)^{-1}
\frac{1}{1+\sqrt2} | \sqrt2-1
3 | \log_{10} 1000
\text{Yes, they are} | \text{Yes}
\text{No.} | \text{No}
\text{hexagon} | \text{Hexagon}
a hexagon | \text{hexagon}
\text{does not exist} | \text{DNE}
DNE | \text{DNE}
\text{Saturday} | Saturday
\text{one million} | 1000000
2 \text{ million} | 2{,}000{,}000
2 million | 2,000,000
2 \text{ ways} | 2
2 solutions | 2
2 \text{ real roots} | 2
2 \text{ distinct values} | 2
12 \text{ positive integers} | 12
9:00 | 9:00
09:05 | 9:05
1:1 | 1
4:2 | 2
4:2 | 2:1
\text{May 5, 2020} | \text{May 5, 2020}
\text{May 5th} | \text{May 5}
5\text{ or }5.0 | 5
"""

WRONG = r"""
-4<x<4 | \pm 4
0<x<4 | 0,4
-1 \le t \le 1 | -1,1
\{x : x>4\} | (5,\infty)
1,024 | 2^{11}
1,024 | 1,25
2 1/4 | \frac{21}{4}
2 1/4 | 9
12.500 | 12500
7\text{ cm} | 7\text{ mm}
7\text{ ft} | 84 \text{ in}
7 dozen | 7
7 thirds | 7
7 squared | 7
7y | 7
7 y | 7
7e | 7
7\mathrm{i} | 7
7i | 7
7\pi | 7
7!  | 7
7 or 8 | 7
between 7 and 8 | 7
7 \text{ to } 8 | 7
\text{at most } 7 | 7
\text{more than } 7 | 7
\text{not } 7 | 7
7 \text{ when } n=2 | 7
\pm 7 | 7
x<7 | 7
x \neq 7 | 7
0.07 | 7\%
70^\circ | \frac{7\pi}{18}
3.1416 | \pi
1.732 | \sqrt3
0.6667 | \frac23
6 | 110_2
110_4 | 110_2
5:3 | 3:5
7:45 \text{ a.m.} | 7:45 \text{ PM}
19:45 | 7:45
1:00 | 13:00
\text{March 4} | \text{March 3}
(2,1) | (1,2)
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{pmatrix}1&3\\2&4\end{pmatrix}
x > 0 | [0,\infty)
0<x<1 | [0,1]
(0,1] | [0,1]
(-\infty,1) | (-\infty,1)\cup(3,\infty)
1,2 | 1,2,3
1,2,3 | 1,2
(1,2,3) | \{1,2,3\}
x=4,y=3 | (3,4)
2+\sqrt3 | 2\pm\sqrt3
0 | \emptyset
no | \text{Yes}
\text{circle} | \text{ellipse}
\text{(D)} | C
c | C
1-2i | 1+2i
2j+1 | 1+2i
R^2\pi | \pi r^2
Y | y
m+n | M+N
(x+2)(x-3) | x^2-4
2x+3y=7 | 2x+3y=6
y=3x | y=2x
\sum_{k=1}^{10} k | 55
\int_0^2 x\,dx | 2
\prod_{k=1}^{4} k | 24
\lim_{x\to0}\frac{\sin x}{x} | 1
2^{10} | 1025
3^{200} | 3^{200}+1
e^{-40} | e^{-41}
\frac{1}{10^{30}} | 0
\frac{1}{2^{80}} | \frac{1}{2^{81}}
50!+1 | 50!
\frac{1}{50!} | \frac{1}{51!}
13 \pmod{17} | 13 \pmod{19}
1.2 \text{ million} | 1.2
1 2 3 4 | 1234
12\quad 34 | 1234
1,3,5,\ldots | 1,3,5
-\infty | \infty
\text{Bob} | \text{Alice}
75 \text{ m} | 75 \text{ m}^2
3 \text{ or more} | 3
\text{between } 3 \text{ and } 5 | 3
\log 2 | \ln 2
36 cm^3 | 36\text{ cm}^2
.38 | \frac{3}{8}
0.38 | \frac{3}{8}
2\frac12 | 1
1.000.000 | 1
4.2 | 4.2\times10^3
42 | 42!
42 \text{ billion} | 42
42 \text{ hundredths} | 42
42k | 42
42 \text{ k} | 42
\text{three} | -3
42 \text{ and } 43 | 42
42, 43 | 42
42;43 | 42
42\text{ if } n \text{ is even} | 42
42 + C | 42
x^2 | x^2+C
42_5 | 42_6
(42)_7 | 42_8
42 \text{ minutes} | 42 \text{ hours}
42 students | 42 \text{ teachers}
42 \text{ cents} | \$42
x=4 | x=5
(2,3) | (2,3), (3,2)
[2,3) | (2,3)
(2,3] | [2,3)
2\le x<3 | (2,3]
x<2 | x > 2
[-1,0]\cap[1,\infty) | [1,\infty)\cup[-1,0]
\{1,1,2\} | \{1,3\}
\{\} | 0
\begin{bmatrix}1&0\\0&1\end{bmatrix} | \begin{pmatrix}1&0\\1&1\end{pmatrix}
\begin{pmatrix}1&2\end{pmatrix} | \begin{pmatrix}3&2\end{pmatrix}
\begin{pmatrix}1\\2\\3\end{pmatrix} | \begin{pmatrix}1\\2\end{pmatrix}
y=0.5x-3 | y=0.5x+3
(x-1)^2+(y-2)^2=3 | x^2+y^2-2x-4y-4=0
5+2i | 5 \pm 2i
\pm\sqrt2 | \sqrt2
3+4\mathrm{i} | 3-4i
3k | 3i
q | Q
a+B | a+b
N(n+1) | n(n+1)
n! | (n+1)!
2^{500} | 2^{500}-1
\frac{1}{7^{50}} | \frac{1}{7^{51}}
10^{-20} | 0
1.00000000001 | 1
0.99999999 | 1
2.718281828 | e
1.6180339887 | \frac{1+\sqrt5}{2}
\frac{355}{113} | \pi
0.142857 | \frac17
0.\overline{3} | 0.3
\sqrt{2}+\sqrt{3} | \sqrt{5+2\sqrt5}
5\sqrt(2) | 5
5 sqrt 2 | 5
30^\circ | \frac{\pi}{6}
\frac{\pi}{6} | 30^\circ
\frac{\pi}{6} | 30
\sin 90 | 1
\sum_{i=1}^{4} i^2 | 30
\frac{d}{dx} x^2 | 2x
\ln 5 | \ln 2+\ln 3
3:1 | 1:3
1:3:2 | 1:2:3
3:30 | 15:30
3:30 \text{ am} | 3:30 \text{ p.m.}
3:31 \text{ pm} | 3:30 \text{ p.m.}
\text{Thursday} | \text{Tuesday}
\text{4 July} | \text{July 4}
\text{July 14} | \text{July 4}
\text{False} | \text{true}
\text{Yes and no} | Yes
\text{undefined} | 0
1 | \text{undefined}
\text{hyperbola} | \text{parabola}
(E) | D
d | D
D, E | D
B | B, D
\text{A or B} | A
< 12 | 12
12^+ | 12
12x^0+y | 12
[12] | 13
0.12 | 12
12\% | 0.12
25 \pmod{13} | 12
1,2,\ldots,12 | 1,12
1,2,3,\ldots | 1,2,3
12 \text{ is not the answer} | 12
7/13 | \dfrac{7}{12}
0.583 | \frac{7}{12}
6.67 | 6\frac23
1 00 | 100
1,00 | 100
10,00 | 1000
1.234,5 | 1.2345
\$45 | 45 \text{ euros}
3 hours 20 minutes | 3
3 hours | 180 \text{ minutes}
4 \text{ units}^3 | 5
16 \text{ cm}^2 | 16\pi
12 \text{ fifths} | 12
twice 12 | 12
half of 12 | 12
12 \text{ times as much} | 12
\text{more than 12} | 12
\text{less than } 12 | 12
\text{up to }12 | 12
\ge 12 | 12
12+ | 12
12- | 12
12? | 13
~13 | 12
12 \text{ or } 13 \text{ or } 14 | 12
12 / 13 | 12
12|13 | 12
\{12,13\} | 12
(12,13) | 12
x=12,13 | 12
1,2 | 2,3
\frac{1\mp\sqrt3}{2} | \frac{1\pm\sqrt{5}}{2}
(0,0),(1,2) | \{(1,1),(0,0)\}
[0,1]\cup[2,3] | [0,1]\cup[2,3)
-2<y<2 | (-2,2)
-2<y<3 | -2<y<2
(-2,2) | [-2,2]
(2,-2) | (-2,2)
\mathbb{Z} | \mathbb{R}
\text{even} | \text{odd}
\text{triangle} | \text{isosceles triangle}
blue | \text{Red}
B | A
a | A
\text{A and B} | A
A,B | A,B,C
f(x)=x^2+1 | f(x)=x^2-1
t^2 | x^2
2m+1 | 2n+1
y=-2x-5 | 2x-y-5=0
x^2+y^2=2 | x^2+y^2=4
2 | 2i
\bar{z} | z
5' | 5
x' | x
x_1 | x_2
x_1 | x
\alpha | a
e | E
\log x | \ln x
\frac{a}{b} | \frac{b}{a}
\overline{AB} | \overline{CD}
10^{100} | 10^{101}
10^{15}+1 | 10^{15}
1000000000000001 | 1000000000000000
2^{64} | 2^{64}-1
18446744073709551615 | 2^{64}
\frac{10^{17}+1}{10^{17}} | 1
e^{-100} | 0
\frac{1}{\infty} | 0
e^{50}+1 | e^{50}
\sqrt{10^{20}+1} | 10^{10}
\pi^{20} | \pi^{21}
\sin(10^{-10}) | 10^{-10}
\frac50 | 0
\text{ten} | 11
\text{zero} | \emptyset
\text{none} | 0
\text{no solution} | 5
\text{cannot be determined} | 5
15\% | 0.15
\frac{15}{100} | 15\%
3 \text{ km}^2 | 3 \text{ km}
2.5 \text{ kg} | 2500 \text{ g}
4\mathrm{ln}5 | 4
4\text{pi} | 4
4 \text{ times } x | 4
4 to 5 | 4
4 to 5 | 5
-4 | 4
4 - | 5
(-4)^2 | -16
-4^2 | 16
0.75 | \frac{3x}{4}
1.03 | \frac{31}{30}
0.\overline{3} | 0.\overline{6}
111_2 | 111_3
7 | 111_2
1B_{16} | 1A_{16}
(2,3) | (2,3]
\left(2,3\right) | \left(3,2\right)
\{2\} | \{2,3\}
2, 3, \text{ and } 6 | 2,3,5
a=3, b=2 | (2,3)
(1,2,3) | (1,2)
\begin{pmatrix} 3 \\ 2 \end{pmatrix} | (2,3)
x\leq -3 | [-3,\infty)
[-3,\infty] | (-3,\infty)
\mathbb{R} | (0,\infty)
\sqrt{5} | \pm\sqrt5
z | Z
P | p
\pi R | \pi r
x^2y | xy^2
4(x+2) | 4x+2
\sqrt{2} | 1.41421356237
1.41 | \sqrt2
9.8696 | \pi^2
1.0986 | \ln 3
2^{99} | 2^{100}
5^{100}+1 | 5^{100}
\frac{1}{5^{100}} | \frac{1}{5^{101}}
200! | 200!+1
\frac{1}{1000!} | \frac{1}{1001!}
e^{-60} | e^{-61}
0 | e^{-60}
\log_{10} 1000 | 4
\sum_{n=0}^{\infty} \frac{1}{2^n} | 2
1+2+\cdots+100 | 5050
\text{Not yes} | \text{Yes}
\text{No, yes} | \text{Yes}
\text{octagon} | \text{hexagon}
\text{exists} | \text{DNE}
\text{Sunday} | Saturday
2 million | 2
2M | 2
2 \text{ score} | 2
9:00 | 21:00
9:05 | 9:50
4:3 | 2:1
\text{May 6, 2020} | \text{May 5, 2020}
5\text{ or }{-5} | 5
5 \text{ and } -5 | 5
5,\,-5 | 5
\text{either } 5 \text{ or } 6 | 5
5/6 | 5
5 \leq n | 5
n=5k | 5
5n | 5
5^2 | 5
5^{\circ}\mathrm{C}^2 | 6
5\cdot | 6
"""


def pairs(table: str) -> list[tuple[str, str]]:
    return [
        (answer, target)
        for answer, _, target in (line.partition(" | ") for line in table.split("\n"))
        if target
    ]


@pytest.mark.parametrize(("answer", "target"), pairs(RIGHT))
def test_right(answer: str, target: str) -> None:
    assert equivalent(answer, target, "expression").right


@pytest.mark.parametrize(("answer", "target"), pairs(WRONG))
def test_wrong(answer: str, target: str) -> None:
    assert not equivalent(answer, target, "expression").right


@pytest.mark.parametrize(
    ("answer", "target", "reason"),
    [
        ("3 \\text{ or } 4", "3", "hedged"),
        ("\\text{between } 3 \\text{ and } 4", "3", "hedged"),
        ("\\pm 3", "3", "hedged"),
        ("3 \\text{ or more}", "3", "hedged"),
        ("8 \\text{ or } 9", "3", "hedged"),
        ("\\sum_{k=1}^{10} k", "55", "not simplified"),
        ("\\frac{\\sin 80^\\circ}{2 \\sin 40^\\circ \\cos 40^\\circ}", "1", "not simplified"),
        ("9^{9^{9}}", "3", "not comparable"),
        ("x" * 1001, "3", "not comparable"),
        ("4", "3", None),
        ("\\text{east}", "3", None),
        ("3", "3", None),
        ("3 \\text{ or } 3.0", "3", None),
    ],
)
def test_the_verdict_says_why(answer: str, target: str, reason: str | None) -> None:
    verdict = equivalent(answer, target, "expression")
    assert verdict.reason == reason
    assert verdict.right == (reason is None and answer.startswith("3"))


def test_what_is_judged_otherwise_than_a_stricter_reader_would() -> None:
    """Arguable verdicts, each with its argument."""
    # One plane has many equations: a multiple by -1 is the same set of points, whatever form a question
    # asked for, which the target alone doesn't say.
    assert equivalent("-2x+y-3z-1=0", "2x-y+3z+1=0", "expression").right
    # A table of values answers tan 45 degrees, so the answer is as good as worked out; a sum isn't.
    assert equivalent("\\tan 45^\\circ", "1", "expression").right
    # An interval names no variable; the convention is x, and a condition on y answers another question.
    assert not equivalent("y > 2", "(2,\\infty)", "expression").right
    # `1/6 \\pi` is read as it stands in a line of text by most graders: 1 over 6 pi.
    assert not equivalent("1/6 \\pi", "\\frac{\\pi}{6}", "expression").right
    # The last side of an equation is what it arrives at: 3.46 is not 2 sqrt 3.
    assert not equivalent("2\\sqrt{3} = 3.46", "2\\sqrt{3}", "expression").right


def test_several_targets_share_one_verdict_and_one_budget() -> None:
    assert equivalent("0.5", ["7", "\\frac12"], "expression").right
    assert not equivalent("0.5", ["7", "8"], "number").right
    assert equivalent("5 or 6", ["7", "8"], "number").reason == "hedged"
