// Command benchsearch times steps of the search's supernet, as scripts/bench-search compares them with PyTorch's: a
// forward and a backward pass on random images, and the updates of the weights, of α and of β. It prints one line:
//
//	step MEDIAN SECONDS min SECONDS first SECONDS peak BYTES
package main

import (
	"fmt"
	"log"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"autodeeplab/internal/kernel"
	"autodeeplab/search"
)

func main() {
	log.SetFlags(0)
	space := search.Space{}
	pflag.IntVar(&space.Layers, "layers", 12, "layers of the trellis")
	pflag.IntVar(&space.Blocks, "blocks", 5, "blocks of a cell")
	pflag.IntVar(&space.Filters, "filters", 8, "channels of a block at level 0")
	pflag.IntVar(&space.Levels, "levels", 4, "levels of the trellis")
	pflag.IntVar(&space.Classes, "classes", 19, "classes")
	batch := pflag.Int("batch", 2, "images a step")
	crop := pflag.Int("crop", 65, "height and width of the images")
	threads := pflag.Int("threads", 1, "goroutines that compute")
	steps := pflag.Int("steps", 5, "steps to time, after one that is not")
	pflag.Parse()

	pool := kernel.NewPool(*threads)
	defer pool.Close()
	p, err := search.NewParameters[float32](space, 1)
	if err != nil {
		log.Fatal(err)
	}
	net, err := search.NewSupernet(p, search.SupernetOptions{Batch: *batch, Height: *crop, Width: *crop, Training: true}, pool)
	if err != nil {
		log.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	n := *batch * *crop * *crop
	image, labels := make([]float32, 3*n), make([]uint8, n)
	for i := range image {
		image[i] = float32(r.NormFloat64())
	}
	for i := range labels {
		labels[i] = uint8(r.IntN(space.Classes))
	}
	sgd, adam := search.NewSGD(p, 0.9, 3e-4), search.NewAdam(p, 0.003, 1e-3)
	var times []float64
	var first float64
	for i := range *steps + 1 {
		began := time.Now()
		if _, err := net.Step(search.StepWeights, 0.1, image, labels); err != nil {
			log.Fatal(err)
		}
		factor := search.ClipFactor(search.GradientNorm(pool, p, net.Gradient), 5)
		sgd.Step(pool, p, net.Gradient, 0.025, factor)
		adam.Step(p, net.Gradient)
		if took := time.Since(began).Seconds(); i == 0 {
			first = took
		} else {
			times = append(times, took)
		}
	}
	slices.Sort(times)
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("step %.4f min %.4f first %.4f peak %d weights %d\n", times[len(times)/2], times[0], first, usage.Maxrss*1024, p.Count())
}
