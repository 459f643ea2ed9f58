// Package toomcook holds the minimal filtering algorithms of Winograd convolution, F(m, r) in the notation of Lavin and
// Gray (2016, arXiv:1509.09308), as data: the points that each evaluates polynomials at, and the three matrices that
// follow from them by the Toom-Cook construction. Package kernel computes with them, and its assembly generator writes
// them out as straight code.
package toomcook

import "math"

// Algorithm is F(M, R): M consecutive outputs of a filter of R taps from M+R−1 inputs, with that many multiplications.
type Algorithm struct {
	Name string // as it stands in the names of functions
	M, R int
	// Points are the M+R−2 finite points; infinity is the last one, and is not listed. A point a > 0 with its negative
	// right behind it makes a pair, whose rows share their even and odd halves.
	Points []float64
}

// Algorithms are those that kernels exist for. Rounding errors depend on the points above all; these were searched for,
// and rounded to sixteenths. The root mean square error of a 2-D convolution of normal numbers over 256 channels is 0.9
// times that of the plain sum in float32 for F33, 1.6 times for F43, 1.1 for F25 and 2.0 for F35. With the points that
// are usually taken, 0, ±1, ±2, it is 3.6 times for F43; F(6, 3) and F(4, 5), on eight points, stay at 7 and 4 times
// with any, which is more than they save is worth.
var Algorithms = []Algorithm{
	{"F33", 3, 3, []float64{3. / 8, -3. / 8, 5. / 4, -5. / 4}},
	{"F43", 4, 3, []float64{0, 5. / 8, -5. / 8, 3. / 2, -3. / 2}},
	{"F25", 2, 5, []float64{0, 5. / 8, -5. / 8, 3. / 2, -3. / 2}},
	{"F35", 3, 5, []float64{5. / 16, -5. / 16, 7. / 8, -7. / 8, 7. / 4, -7. / 4}},
}

// N is the number of points, infinity included: the inputs of a tile, and its multiplications.
func (a *Algorithm) N() int { return a.M + a.R - 1 }

// Pair reports whether points i and i+1 are a pair.
func (a *Algorithm) Pair(i int) bool {
	return i+1 < len(a.Points) && a.Points[i] > 0 && a.Points[i+1] == -a.Points[i]
}

// Input is Bᵀ, N×N: row i holds the coefficients, lowest first, of the product of x − p over all finite points p but
// the i-th (over all of them in the last row).
func (a *Algorithm) Input() [][]float64 {
	rows := make([][]float64, a.N())
	for i := range rows {
		c := []float64{1}
		for j, p := range a.Points {
			if j != i {
				c = timesRoot(c, p)
			}
		}
		rows[i] = append(c, make([]float64, a.N()-len(c))...)
	}
	return rows
}

// timesRoot multiplies a polynomial by x − root.
func timesRoot(c []float64, root float64) []float64 {
	out := make([]float64, len(c)+1)
	for i, v := range c {
		out[i+1] += v
		out[i] -= root * v
	}
	return out
}

// Filter is G, N×R: powers of the points, each row divided by the value at its point of the product in Input.
func (a *Algorithm) Filter() [][]float64 {
	rows := make([][]float64, a.N())
	for i := range rows {
		rows[i] = make([]float64, a.R)
		if i == len(a.Points) {
			rows[i][a.R-1] = 1
			continue
		}
		n := 1.0
		for j, p := range a.Points {
			if j != i {
				n *= a.Points[i] - p
			}
		}
		for k := range rows[i] {
			rows[i][k] = math.Pow(a.Points[i], float64(k)) / n
		}
	}
	return rows
}

// Output is Aᵀ, M×N: powers of the points.
func (a *Algorithm) Output() [][]float64 {
	rows := make([][]float64, a.M)
	for i := range rows {
		rows[i] = make([]float64, a.N())
		for j, p := range a.Points {
			rows[i][j] = math.Pow(p, float64(i))
		}
	}
	rows[a.M-1][a.N()-1] = 1
	return rows
}
