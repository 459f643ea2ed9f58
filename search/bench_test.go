//go:build unix

package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"autodeeplab/internal/kernel"
	"autodeeplab/internal/sgd"
)

// BenchmarkStep is one step of the paper's supernet (12 layers, F = 8, B = 5, batch 2, 19 classes): forward and backward
// pass, updates of the weights, of α and of β. median-s is the median of the steps after a first one that is not
// counted, peak-B the peak of the process's resident memory: to know that of one case, run it alone, as
// scripts/bench-search does beside PyTorch.
func BenchmarkStep(b *testing.B) {
	space := Space{Layers: 12, Blocks: 5, Filters: 8, Levels: 4, Classes: 19}
	for _, crop := range []int{65, 129} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("crop=%d/threads=%d", crop, threads), func(b *testing.B) { benchmarkStep(b, space, 2, crop, threads) })
		}
	}
}

func benchmarkStep(b *testing.B, space Space, batch, crop, threads int) {
	pool := kernel.NewPool(threads)
	defer pool.Close()
	p, err := NewParameters[float32](space, 1)
	if err != nil {
		b.Fatal(err)
	}
	net, err := NewSupernet(p, SupernetOptions{Batch: batch, Height: crop, Width: crop, Training: true}, pool)
	if err != nil {
		b.Fatal(err)
	}
	defer net.Close()
	r := rand.New(rand.NewPCG(1, 2))
	n := batch * crop * crop
	image, labels := make([]float32, 3*n), make([]uint8, n)
	for i := range image {
		image[i] = float32(r.NormFloat64())
	}
	for i := range labels {
		labels[i] = uint8(r.IntN(space.Classes))
	}
	weights, adam := NewSGD(p, 0.9, 3e-4), NewAdam(p, 0.003, 1e-3)
	step := func() {
		if _, err := net.Step(StepWeights, 0.1, image, labels); err != nil {
			b.Fatal(err)
		}
		factor := sgd.ClipFactor(GradientNorm(pool, p, net.Gradient), 5)
		weights.Step(pool, p, net.Gradient, 0.025, factor)
		adam.Step(p, net.Gradient)
	}
	step()
	var times []float64
	for b.Loop() {
		began := time.Now()
		step()
		times = append(times, time.Since(began).Seconds())
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "median-s")
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(usage.Maxrss)*1024, "peak-B")
}
