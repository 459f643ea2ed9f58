package runtime_test

import (
	"context"
	"flag"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/internal/testenv"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

var soak = flag.Duration("soak", 0, "how long TestSoak runs; 0 is a few rounds")

// TestSoak runs one session of a network of open size from four goroutines at once, with changing sizes. Each output must
// have the bits that a session of one thread gives alone, and memory must not grow.
//
//	go test -run TestSoak -soak 30m -timeout 40m ./runtime
func TestSoak(t *testing.T) {
	// Without a size the axes are open.
	m, err := compile.Compile(decode.Published(), compile.Options{
		Filters: 4, Classes: 5, Batch: 1, Form: compile.TrainingForm, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if m, err = compile.Inference(m); err != nil {
		t.Fatal(err)
	}
	sizes := [][2]int{{33, 33}, {65, 33}, {40, 57}, {97, 65}, {33, 129}}
	if testenv.Race {
		sizes = sizes[:2]
	}
	alone, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	var images []*tensor.Tensor
	var want [][]float32
	run := func(s runtime.Session, image *tensor.Tensor) ([]float32, error) {
		out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"image": image})
		if err != nil {
			return nil, err
		}
		return tensor.Data[float32](out["logits"]), nil
	}
	for _, hw := range sizes {
		image := ramp(1, 3, hw[0], hw[1])
		out, err := run(alone, image)
		if err != nil {
			t.Fatal(err)
		}
		images, want = append(images, image), append(want, out)
	}
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	until := time.Now().Add(*soak)
	var runs atomic.Int64
	round := func(rounds int) {
		var group sync.WaitGroup
		for g := range 4 {
			group.Go(func() {
				for k := range rounds {
					i := (g + k) % len(sizes)
					out, err := run(s, images[i])
					if err != nil {
						t.Error(err)
						return
					}
					if !slices.Equal(out, want[i]) {
						t.Errorf("goroutine %d, round %d: another result for %v", g, k, sizes[i])
						return
					}
					runs.Add(1)
				}
			})
		}
		group.Wait()
	}
	const rounds = 5
	round(rounds) // plans and buffers are made
	first := heap()
	for again := 0; again < 1 || time.Now().Before(until) && !t.Failed(); again++ {
		round(rounds)
	}
	last := heap()
	t.Logf("%d runs; live heap %d KiB after the first %d, %d KiB at the end", runs.Load(), first>>10, 4*rounds, last>>10)
	if last > first+first/10+1<<20 {
		t.Errorf("the live heap grew from %d to %d bytes", first, last)
	}
}

// heap is what lives on the heap.
func heap() uint64 {
	goruntime.GC()
	goruntime.GC()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.HeapAlloc
}
