package evaluate_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/testenv"
	"autodeeplab/runtime"
)

// TestNothingOutlivesAnEvaluation ends evaluations in every way there is, several at once on one session: each gives its
// own error, and no goroutine stays.
func TestNothingOutlivesAnEvaluation(t *testing.T) {
	set := rgbSet(t)
	broken := rgbSet(t)
	if err := os.WriteFile(broken.Val[1].Image, []byte("no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	testenv.Goroutines(t)
	s, err := runtime.Embedded.LoadModel(argmaxOfRGB(), runtime.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mine := errors.New("enough")
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if _, err := evaluate.Run(context.Background(), s, set, set.Val, evaluate.Options{Threads: 2, Flip: true}); err != nil {
				t.Error(err)
			}
			if _, err := evaluate.Run(context.Background(), s, broken, broken.Val, evaluate.Options{}); !errors.Is(err, imageio.ErrNotPicture) {
				t.Errorf("a broken picture: %v", err)
			}
			stops := evaluate.Options{Each: func(dataset.Sample, *imageio.Mask) error { return mine }}
			if _, err := evaluate.Run(context.Background(), s, set, set.Val, stops); !errors.Is(err, mine) {
				t.Errorf("an error of Each: %v", err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancels := evaluate.Options{Progress: func(done, all int) { cancel() }}
			if _, err := evaluate.Run(ctx, s, set, set.Val, cancels); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled after a picture: %v", err)
			}
			if _, err := evaluate.Run(ctx, s, set, set.Val, evaluate.Options{}); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled beforehand: %v", err)
			}
		})
	}
	group.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := evaluate.Run(context.Background(), s, set, set.Val, evaluate.Options{}); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("on a closed session: %v", err)
	}
}
