package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// squares is a data set whose classes are squares of different brightness: easy to learn, and made anew for every request.
type squares struct{ fail int }

func (squares) Fingerprint() string { return "squares" }
func (squares) Classes() []string   { return []string{"dark", "middle", "bright"} }
func (squares) Steps(batch int) int { return 12 / batch }
func (squares) Validation() int     { return 3 }

func (s squares) fill(r *rand.Rand, n, h, w int, image []float32, labels []uint8) {
	const block = 10
	columns := (w + block - 1) / block
	var classes []uint8
	for range n * (h + block) * columns {
		classes = append(classes, uint8(r.IntN(3)))
	}
	for i := range labels {
		y, x := i/w, i%w
		labels[i] = classes[y/block*columns+x/block]
		for c := range 3 {
			image[c*n*h*w+i] = float32(labels[i]) - 1 + 0.1*r.Float32()
		}
	}
}

func (s squares) Batch(half Half, epoch, index, batch, crop int, image []float32, labels []uint8) error {
	s.fill(rand.New(rand.NewPCG(uint64(half)<<32+uint64(epoch), uint64(index))), batch, crop, crop, image, labels)
	return nil
}

func (s squares) Whole(i int) ([]float32, []uint8, int, int, error) {
	if i == s.fail-1 {
		return nil, nil, 0, 0, fmt.Errorf("image %d cannot be read", i)
	}
	h, w := 20, 24+4*(i%2)
	image, labels := make([]float32, 3*h*w), make([]uint8, h*w)
	s.fill(rand.New(rand.NewPCG(99, uint64(i))), 1, h, w, image, labels)
	return image, labels, h, w, nil
}

func tinyOptions() Options {
	o := Presets["small"]
	o.Space = Space{Layers: 3, Blocks: 2, Filters: 2, Levels: 3}
	o.Epochs, o.ArchEpoch, o.Batch, o.Crops, o.ValidateEvery = 4, 1, 2, []int{16, 20}, 2
	o.Seed = 7
	return o
}

// run searches to the end and gives the bytes of the checkpoint.
func run(t *testing.T, s *Search, path string) []byte {
	t.Helper()
	if err := s.Run(context.Background(), Progress{}, time.Hour, func() error { return s.Checkpoint(path) }); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newSearch(t *testing.T, o Options, threads int) *Search {
	t.Helper()
	s, err := New(o, squares{}, nil, threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestSameBytes holds that a search depends on nothing but its options and data: not on the number of threads, nor on
// where it was stopped.
func TestSameBytes(t *testing.T) {
	dir := t.TempDir()
	want := run(t, newSearch(t, tinyOptions(), 1), filepath.Join(dir, "one"))
	if got := run(t, newSearch(t, tinyOptions(), 3), filepath.Join(dir, "three")); !bytes.Equal(got, want) {
		t.Error("three threads give other bytes than one")
	}
	other := tinyOptions()
	other.Seed++
	if got := run(t, newSearch(t, other, 2), filepath.Join(dir, "other")); bytes.Equal(got, want) {
		t.Error("another seed gives the same bytes")
	}

	// Stopped after every step, within an epoch and between epochs.
	path := filepath.Join(dir, "stopped")
	s := newSearch(t, tinyOptions(), 2)
	for stops := 0; !s.Finished(); stops++ {
		if stops > 40 {
			t.Fatal("the search does not come to its end")
		}
		ctx, cancel := context.WithCancel(context.Background())
		err := s.Run(ctx, Progress{Step: func(StepInfo) { cancel() }}, time.Hour, func() error { return s.Checkpoint(path) })
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if s, err = Resume(path, tinyOptions(), squares{}, nil, 2); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("a search that was stopped after every step gives other bytes")
	}
}

// TestLearns holds that the supernet learns what is easy to learn, and that validation sees it.
func TestLearns(t *testing.T) {
	o := tinyOptions()
	o.Epochs, o.ArchEpoch = 10, 4
	s := newSearch(t, o, 2)
	run(t, s, filepath.Join(t.TempDir(), "c"))
	h := s.History()
	first, last := h[0], h[len(h)-1]
	t.Logf("loss %.3f → %.3f, mIoU %.3f", first.Loss, last.Loss, last.MIoU)
	if last.Loss > first.Loss*0.8 {
		t.Errorf("the loss went from %.3f to %.3f", first.Loss, last.Loss)
	}
	if last.MIoU < 0.4 {
		t.Errorf("mIoU %.3f at the end", last.MIoU)
	}
}

// TestResumeRefuses holds that a checkpoint that does not belong here, or is damaged, is named and nothing is taken.
func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "good")
	s := newSearch(t, tinyOptions(), 2)
	if err := s.Checkpoint(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int) []byte {
		c := bytes.Clone(good)
		c[at] ^= 0x10
		return c
	}
	filters := tinyOptions()
	filters.Filters = 3
	for _, test := range []struct {
		name    string
		data    []byte
		options Options
		want    string
	}{
		{"empty", nil, tinyOptions(), "damaged"},
		{"cut in the header", good[:100], tinyOptions(), "damaged"},
		{"cut in the tensors", good[:len(good)-5], tinyOptions(), "damaged"},
		{"longer", append(bytes.Clone(good), 0), tinyOptions(), "damaged"},
		{"a flipped bit in a tensor", changed(len(good) - 9), tinyOptions(), "damaged"},
		{"a flipped bit in the header's length", changed(2), tinyOptions(), "damaged"},
		{"other options", good, filters, "filters 2, want 3"},
		{"no checkpoint", []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), tinyOptions(), "no checkpoint of a search"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := filepath.Join(dir, "bad")
			if err := os.WriteFile(bad, test.data, 0o666); err != nil {
				t.Fatal(err)
			}
			s, err := Resume(bad, test.options, squares{}, nil, 1)
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), bad) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with the file and %q", err, test.want)
			}
		})
	}

	// Every single bit of the header's text matters.
	for at := 8; at < 8+400; at += 7 {
		bad := filepath.Join(dir, "flipped")
		if err := os.WriteFile(bad, changed(at), 0o666); err != nil {
			t.Fatal(err)
		}
		if s, err := Resume(bad, tinyOptions(), squares{}, nil, 1); err == nil {
			s.Close()
			t.Errorf("a flipped bit in byte %d is not noticed", at)
		}
	}
}

func TestValidationErrorsStop(t *testing.T) {
	s, err := New(tinyOptions(), squares{fail: 2}, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Run(context.Background(), Progress{}, time.Hour, func() error { return nil })
	if err == nil || !strings.Contains(err.Error(), "image 1 cannot be read") {
		t.Errorf("error %v", err)
	}
}
