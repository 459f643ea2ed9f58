package kernel

import "time"

// Peak measures how many multiply-adds a second the matrix micro-kernel does on one thread when all that it reads lies
// in the first-level cache: the most that any convolution can, but for Winograd's, which does fewer than it is credited
// with. It takes some tens of milliseconds and gives the best of many short turns.
func Peak() float64 {
	const k, turns, calls = 256, 64, 64
	mk := micro
	a, b, c := make([]float32, k*mk.rows), make([]float32, k*mk.cols), make([]float32, mk.rows*mk.cols)
	bias := make([]float32, mk.rows)
	best := 0.0
	for range turns {
		began := time.Now()
		for range calls {
			mk.tile(mk.rows, k, a, b, c, mk.cols, bias, 0, 0, 0)
		}
		best = max(best, float64(calls*k*mk.rows*mk.cols)/time.Since(began).Seconds())
	}
	return best
}
