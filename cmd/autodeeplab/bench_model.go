package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"autodeeplab/internal/limits"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// modelBench is what bench measures of a network.
type modelBench struct {
	path    string
	engines []runtime.Engine
	threads []int
	runs    int
	input   sizeFlag // of axes that the model leaves open
	profile bool
	limits  *limits.Set
	cpuTime bool // measure processor time
}

// timing is what one engine took for one network. Times are in seconds.
type timing struct {
	load, first float64
	runs        []float64
}

func (t *timing) median() float64 {
	s := slices.Sorted(slices.Values(t.runs))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// betweenEngines is waited before each run where several engines take turns: threads of ONNX Runtime look out for work
// for some 50 ms after a run, on a processor that the next engine wants.
const betweenEngines = 100 * time.Millisecond

// clock gives a function that tells the seconds since, of the wall or of this process's processor time.
func (b *modelBench) clock() func() float64 {
	if b.cpuTime {
		began := runtime.CPUTime()
		return func() float64 { return (runtime.CPUTime() - began).Seconds() }
	}
	began := time.Now()
	return func() float64 { return time.Since(began).Seconds() }
}

// run measures and prints one table.
func (b *modelBench) run(ctx context.Context, a *app) error {
	if b.profile {
		return b.runProfile(ctx, a)
	}
	header := false
	for _, threads := range b.threads {
		times := make([]timing, len(b.engines))
		inputs, err := b.measure(ctx, threads, times)
		if err != nil {
			return err
		}
		if !header {
			a.printf("%s: %s; medians of %d runs, the engines by turns\n", b.path, inputs, b.runs)
			a.printf("%-12s %8s %10s %10s %10s %10s %8s\n", "engine", "threads", "load ms", "first ms", "median ms", "least ms", "speed")
			header = true
		}
		last := times[len(times)-1].median()
		for i, t := range times {
			a.printf("%-12s %8d %10.1f %10.1f %10.1f %10.1f %8.2f\n", b.engines[i].Name(), threads,
				1000*t.load, 1000*t.first, 1000*t.median(), 1000*slices.Min(t.runs), last/t.median())
		}
	}
	if peak, ok := peakMemory(); ok {
		a.printf("peak resident memory of this process: %.1f MB\n", float64(peak)/1e6)
	}
	return nil
}

// measure loads the network on every engine and runs them by turns, with a pause between. It returns what the network was given, in words.
func (b *modelBench) measure(ctx context.Context, threads int, times []timing) (string, error) {
	sessions := make([]runtime.Session, len(b.engines))
	for i, e := range b.engines {
		since := b.clock()
		s, err := e.Load(b.path, b.limits.Engine(threads))
		if err != nil {
			return "", err
		}
		times[i].load = since()
		defer s.Close()
		sessions[i] = s
	}
	inputs, words, err := b.inputs(sessions[0])
	if err != nil {
		return "", fmt.Errorf("%s: %w", b.path, err)
	}
	for round := range b.runs + 2 {
		for i, s := range sessions {
			if len(sessions) > 1 {
				time.Sleep(betweenEngines)
			}
			since := b.clock()
			if _, err := s.Run(ctx, inputs); err != nil {
				return "", fmt.Errorf("%s on %s: %w", b.path, b.engines[i].Name(), err)
			}
			switch took := since(); round {
			case 0:
				times[i].first = took
			case 1: // buffers have their sizes now, caches are warm
			default:
				times[i].runs = append(times[i].runs, took)
			}
		}
	}
	return words, nil
}

// inputs makes what the network is run on: numbers like those of a picture, the same in every process. Axes that are
// open are 1 long, but for the height and width of pictures.
func (b *modelBench) inputs(s runtime.Session) (map[string]*tensor.Tensor, string, error) {
	inputs, words := make(map[string]*tensor.Tensor), []string(nil)
	for _, v := range s.Inputs() {
		shape, err := b.shape(v)
		if err != nil {
			return nil, "", err
		}
		t, err := tensor.New(v.DType, shape)
		if err != nil {
			return nil, "", err
		}
		r := rand.New(rand.NewPCG(1, 2))
		switch d := t.Data.(type) {
		case []float32:
			for i := range d {
				d[i] = float32(r.IntN(256))
			}
		case []uint8:
			for i := range d {
				d[i] = uint8(r.IntN(256))
			}
		}
		inputs[v.Name] = t
		words = append(words, v.Name+" "+t.String())
	}
	return inputs, strings.Join(words, ", "), nil
}

func (b *modelBench) shape(v runtime.Value) ([]int, error) {
	if !v.HasRank() {
		return nil, fmt.Errorf("the model does not say how many axes its input %q has", v.Name)
	}
	shape := make([]int, len(v.Dims))
	for i, d := range v.Dims {
		switch {
		case d.IsKnown():
			shape[i] = d.Size
		case len(v.Dims) == 4 && i >= 2:
			shape[i] = []int{b.input.height, b.input.width}[i-2]
			if shape[i] == 0 {
				return nil, usagef("--input-size %s: a measurement needs a size, as 513x513", dynamic)
			}
		default:
			shape[i] = 1
		}
	}
	if n, err := tensor.NumElems(shape); err != nil || n > op.DefaultLimits.MaxElems {
		return nil, fmt.Errorf("an input of %s is too large", tensor.FormatShape(shape))
	}
	return shape, nil
}

// peakMemory is the most memory that this process has had at once, in bytes, as Linux counts it.
func peakMemory() (bytes int64, ok bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 2 {
		return 0, false
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	return 1024 * kib, err == nil
}
