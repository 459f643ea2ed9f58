package train

import "math"

// RateAt is the learning rate of a step, counted from 0, of so many: the poly schedule
//
//	last + (first − last)·(1 − step/steps)^power
//
// of which the first warmUp steps take the share (step + 1)/(warmUp + 1).
func RateAt(step, steps int, first, last, power float64, warmUp int) float64 {
	left := 1 - float64(step)/float64(steps)
	rate := last + (first-last)*math.Pow(max(left, 0), power)
	if step < warmUp {
		rate *= float64(step+1) / float64(warmUp+1)
	}
	return rate
}

// keepAt is the weight of the old in the moving average of the weights after a number of updates: at most decay, and
// less at the beginning, when the old is what training began with (as TensorFlow's ExponentialMovingAverage does with
// num_updates).
func keepAt(updates int, decay float64) float64 {
	return min(decay, float64(1+updates)/float64(10+updates))
}
