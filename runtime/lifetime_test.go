package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"autodeeplab/internal/testenv"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// chain is y = relu(conv(… relu(conv(x)) …)) of n pairs.
func chain(n int) *onnx.Model {
	m := convReluAdd()
	g := m.Graph
	g.Input[0].Type.GetTensorType().Shape.Dim[1] = fixed(8)
	g.Initializer = []*onnx.TensorPB{onnx.Encode("w", tensor.Of(make([]float32, 8*8*3*3), 8, 8, 3, 3))}
	g.Node = nil
	from := "x"
	for i := range n {
		to := fmt.Sprintf("r%d", i)
		if i == n-1 {
			to = "y"
		}
		g.Node = append(g.Node,
			onnx.NewNode("Conv", "", []string{from, "w"}, []string{"c" + to}, onnx.AttrInts("pads", 1, 1, 1, 1)),
			onnx.NewNode("Sigmoid", "", []string{"c" + to}, []string{to}))
		from = to
	}
	return m
}

// TestNothingOutlivesASession loads and fails to load, runs, fails to run, and closes: no goroutine stays.
func TestNothingOutlivesASession(t *testing.T) {
	testenv.Goroutines(t)
	bad := convReluAdd()
	bad.Graph.Node[2].OpType = "Frobnicate"
	for range 5 {
		if s, err := runtime.Embedded.LoadModel(bad, runtime.Options{Threads: 3}); err == nil {
			s.Close()
			t.Fatal("an unknown operator loads")
		}
		s, err := runtime.Embedded.LoadModel(convReluAdd(), runtime.Options{Threads: 3})
		if err != nil {
			t.Fatal(err)
		}
		runOne(t, s, ramp(1, 3, 20, 20))
		if _, err := s.Run(context.Background(), nil); !errors.Is(err, runtime.ErrInput) {
			t.Errorf("a run without inputs: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCancelBetweenNodes cancels a run from within: it ends before the nodes after that, and the session runs on.
func TestCancelBetweenNodes(t *testing.T) {
	testenv.Goroutines(t)
	var cancel atomic.Pointer[context.CancelFunc]
	var ran atomic.Int64
	s, err := runtime.Embedded.LoadModel(chain(20), runtime.Options{Threads: 2, Observe: func(runtime.NodeRun) {
		if ran.Add(1) == 5 && cancel.Load() != nil {
			(*cancel.Load())()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, stop := context.WithCancel(context.Background())
	cancel.Store(&stop)
	if _, err := s.Run(ctx, map[string]*tensor.Tensor{"x": ramp(1, 8, 9, 9)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if n := ran.Load(); n > 6 {
		t.Errorf("%d nodes ran; it was cancelled at the fifth", n)
	}
	cancel.Store(nil)
	runOne(t, s, ramp(1, 8, 9, 9))
}

// TestCloseDuringRuns closes a session, from two goroutines, while others run it and cancel their runs: each run gives
// its result, ErrClosed or its context's error, and Close returns after the last.
func TestCloseDuringRuns(t *testing.T) {
	testenv.Goroutines(t)
	for round := range 10 {
		s, err := runtime.Embedded.LoadModel(chain(4), runtime.Options{Threads: 1 + round%3})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		started := make(chan bool, 4)
		for g := range 4 {
			group.Go(func() {
				for k := range 100 {
					ctx, cancel := context.WithCancel(context.Background())
					if g == 0 && k%3 == 2 {
						go cancel()
					}
					out, err := s.Run(ctx, map[string]*tensor.Tensor{"x": ramp(1, 8, 5+g, 7)})
					cancel()
					if k == 0 {
						started <- true
					}
					switch {
					case errors.Is(err, runtime.ErrClosed):
						return
					case errors.Is(err, context.Canceled):
					case err != nil:
						t.Error(err)
						return
					case out["y"].Len() != 8*(5+g)*7:
						t.Errorf("%v", out["y"])
					}
				}
			})
		}
		for range 4 {
			<-started
		}
		for range 2 {
			group.Go(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}
