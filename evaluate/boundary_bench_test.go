package evaluate_test

import (
	"testing"

	"autodeeplab/evaluate"
	"autodeeplab/internal/kernel"
)

// BenchmarkBoundary scores a picture of Cityscapes' size: a mask of regions, and a noisy one whose boundaries lie mostly
// out of reach.
func BenchmarkBoundary(b *testing.B) {
	const h, w = 1024, 2048
	pool := kernel.NewPool(2)
	defer pool.Close()
	regions, noise := make([]uint8, h*w), make([]uint8, h*w)
	for i := range regions {
		x, y := i%w, i/w
		regions[i] = uint8((x/97 + y/61) % 19)
		noise[i] = uint8(uint32(i/3*2654435761) >> 24 % 19)
	}
	for _, c := range []struct {
		name       string
		prediction []uint8
	}{{"regions", regions}, {"noise", noise}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				evaluate.NewBoundary(19, evaluate.DefaultBoundaryTolerance).Add(pool, c.prediction, regions, h, w, 255)
			}
		})
	}
}
