package search

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"autodeeplab/internal/testenv"
)

// TestNothingOutlivesASearch stops searches in every way there is: no goroutine stays, and what was cancelled goes on.
func TestNothingOutlivesASearch(t *testing.T) {
	testenv.Goroutines(t)
	path := filepath.Join(t.TempDir(), "checkpoint")
	o := tinyOptions()
	for steps := range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		s, err := New(o, squares{}, nil, 3)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Run(ctx, Progress{Step: func(i StepInfo) {
			if i.Step >= steps {
				cancel()
			}
		}}, time.Hour, func() error { return s.Checkpoint(path) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after step %d: %v", steps, err)
		}
		s.Close()
		if s, err = Resume(path, o, squares{}, nil, 3); err != nil {
			t.Fatal(err)
		}
		full := errors.New("no space left")
		if err := s.Run(context.Background(), Progress{}, 0, func() error { return full }); !errors.Is(err, full) {
			t.Errorf("a checkpoint that cannot be written: %v", err)
		}
		s.Close()
		cancel()
	}
	if s, err := New(o, squares{fail: 1}, nil, 3); err != nil {
		t.Fatal(err)
	} else {
		if err := s.Run(context.Background(), Progress{}, time.Hour, func() error { return nil }); err == nil {
			t.Error("a validation image that cannot be read is no error")
		}
		s.Close()
	}
	if _, err := Resume(path, Options{}, squares{}, nil, 3); err == nil {
		t.Error("a checkpoint of other options is resumed")
	}
}
