//go:build unix

package train

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"autodeeplab/compile"
	"autodeeplab/decode"
)

// BenchmarkStep is one forward and backward pass of the published architecture's S (F = 20, 19 classes, batch 4).
// median-s is the median of the steps after a first one that is not counted, peak-B the peak of the process's resident
// memory: to know that of one case, run it alone, as scripts/bench-train does beside PyTorch.
func BenchmarkStep(b *testing.B) {
	for _, crop := range []int{129, 257} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("crop=%d/threads=%d", crop, threads), func(b *testing.B) { benchmarkStep(b, crop, threads) })
		}
	}
}

func benchmarkStep(b *testing.B, crop, threads int) {
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: 20, Classes: 19, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	o := NetworkOptions{Batch: 4, Height: crop, Width: crop, Threads: threads, BNDecay: 0.9997, Ignore: 255}
	n, err := NewNetwork[float32](m, o)
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	image, labels := noise[float32](o, 19, 1)
	step := func() {
		if _, err := n.Step(image, labels, Random{}); err != nil {
			b.Fatal(err)
		}
		for _, p := range n.Parameters() {
			clear(p.Gradient)
		}
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
	b.ReportMetric(float64(n.Memory()), "planned-B")
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(usage.Maxrss)*1024, "peak-B")
}
