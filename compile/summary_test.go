package compile

import "testing"

func TestStrideOf(t *testing.T) {
	for _, c := range []struct{ height, n, want int }{
		{65, 33, 2}, {65, 17, 4}, {65, 5, 16}, {65, 3, 32}, {1024, 32, 32}, {1024, 128, 8},
		{1024, 127, 8},           // doubled once: (64−1)·2+1
		{1024, 63, 16},           // the same at 1/32: (32−1)·2+1
		{48, 2, 32}, {33, 2, 32}, // the smallest maps
		{224, 75, 3}, {224, 1, 224}, {224, 224, 1}, {224, 448, 0},
		{0, 5, 0}, {5, 0, 0}, {1, 1, 1}, {1, 2, 0}, {1 << 62, 1 << 61, 2},
	} {
		if got := strideOf(c.height, c.n); got != c.want {
			t.Errorf("%d rows of %d: stride %d, want %d", c.n, c.height, got, c.want)
		}
	}
}
