package report

import (
	"math"
	"testing"
)

// TestTicksOfAnyRange holds that a log of hostile numbers ends: between two neighbours of 1e17, adding 1 changes nothing.
func TestTicksOfAnyRange(t *testing.T) {
	for _, r := range [][2]float64{
		{1e17, 1e17 + 16}, {-1e308, 1e308}, {math.MaxFloat64, math.MaxFloat64}, {0, 5e-324}, {-5e-324, 5e-324}, {1e300, 1e300}, {0, 0},
	} {
		if ticks := niceTicks(r[0], r[1], 5); len(ticks) < 1 || len(ticks) > 100 {
			t.Errorf("%d ticks from %g to %g", len(ticks), r[0], r[1])
		}
	}
}
