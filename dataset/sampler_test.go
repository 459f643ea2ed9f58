package dataset_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"autodeeplab/dataset"
)

func newSampler(t testing.TB, dir string, o dataset.SamplerOptions) *dataset.Sampler {
	t.Helper()
	set, err := dataset.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := dataset.NewSampler(set, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHalves(t *testing.T) {
	dir := camvid(t, 7, 1)
	s := newSampler(t, dir, dataset.SamplerOptions{Scale: 1, Halve: true, Seed: 3})
	a, b := s.Half(0), s.Half(1)
	if len(a) != 4 || len(b) != 3 {
		t.Errorf("halves of %d and %d", len(a), len(b))
	}
	seen := make(map[string]int)
	for _, sample := range append(a, b...) {
		seen[sample.Name]++
	}
	if len(seen) != 7 {
		t.Errorf("the halves are not disjoint: %v", seen)
	}
	again := newSampler(t, dir, dataset.SamplerOptions{Scale: 1, Halve: true, Seed: 3})
	if !slices.Equal(s.Half(0), again.Half(0)) || s.Fingerprint() != again.Fingerprint() {
		t.Error("the same seed gives other halves")
	}
	other := newSampler(t, dir, dataset.SamplerOptions{Scale: 1, Halve: true, Seed: 4})
	if slices.Equal(s.Half(0), other.Half(0)) || s.Fingerprint() == other.Fingerprint() {
		t.Error("another seed gives the same halves")
	}
	if whole := newSampler(t, dir, dataset.SamplerOptions{Scale: 1}); len(whole.Half(0)) != 7 {
		t.Errorf("%d samples without halves", len(whole.Half(0)))
	}
}

type batch struct {
	image  []float32
	labels []uint8
}

func draw(t testing.TB, s *dataset.Sampler, half, epoch, index, n, size int) batch {
	t.Helper()
	b := batch{make([]float32, 3*n*size*size), make([]uint8, n*size*size)}
	if err := s.Batch(half, epoch, index, n, size, b.image, b.labels); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b batch) equal(o batch) bool {
	return slices.Equal(b.image, o.image) && bytes.Equal(b.labels, o.labels)
}

// TestBatchIsAFunction holds that a batch depends on nothing but what it is asked for: not on those asked for before, on
// the memory for images or on the number of threads.
func TestBatchIsAFunction(t *testing.T) {
	dir := camvid(t, 8, 1)
	s := newSampler(t, dir, dataset.SamplerOptions{Scale: 0.75, Halve: true, Augment: true, Threads: 3})
	poor := newSampler(t, dir, dataset.SamplerOptions{Scale: 0.75, Halve: true, Augment: true, CacheBytes: 1})
	distinct := 0
	var last batch
	for half := range 2 {
		for epoch := range 3 {
			for index := range 2 {
				b := draw(t, s, half, epoch, index, 2, 12)
				if !b.equal(draw(t, poor, half, epoch, index, 2, 12)) {
					t.Errorf("half %d epoch %d batch %d differs", half, epoch, index)
				}
				if !b.equal(last) {
					distinct++
				}
				last = b
			}
		}
	}
	if distinct != 12 {
		t.Errorf("%d of 12 batches differ from the one before", distinct)
	}
	if !last.equal(draw(t, s, 1, 2, 1, 2, 12)) {
		t.Error("asked for again, a batch differs")
	}
	if err := s.Batch(0, 0, 2, 2, 12, nil, nil); err == nil {
		t.Error("a batch beyond the half is given")
	}
}

// TestCropsAreParts looks up every unaugmented crop in its image, as it is or flipped, with its labels.
func TestCropsAreParts(t *testing.T) {
	dir := camvid(t, 4, 1)
	s := newSampler(t, dir, dataset.SamplerOptions{Scale: 1})
	set, err := dataset.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	flipped, seen := 0, make(map[string]bool)
	const size = 9
	for epoch := range 6 {
		b := draw(t, s, 0, epoch, 0, 4, size)
		for n := range 4 {
			found := false
			for _, sample := range set.Train {
				p, err := set.Load(sample, 1)
				if err != nil {
					t.Fatal(err)
				}
				for _, flip := range []bool{false, true} {
					for top := range p.Height - size + 1 {
						for left := range p.Width - size + 1 {
							if matches(b, n, 4, size, p, top, left, flip) {
								found = true
								seen[sample.Name] = true
								if flip {
									flipped++
								}
							}
						}
					}
				}
			}
			if !found {
				t.Fatalf("epoch %d, image %d is no part of any image", epoch, n)
			}
		}
	}
	if len(seen) != 4 || flipped < 4 || flipped > 20 {
		t.Errorf("crops of %d images, %d of 24 flipped", len(seen), flipped)
	}
}

func matches(b batch, n, of, size int, p *dataset.Pair, top, left int, flip bool) bool {
	for y := range size {
		for x := range size {
			at, px := (n*size+y)*size+x, left+x
			if flip {
				px = p.Width - 1 - px
			}
			from := (top+y)*p.Width + px
			if b.labels[at] != p.Labels[from] {
				return false
			}
			for c := range 3 {
				if math.Abs(float64(b.image[c*of*size*size+at])-(float64(p.RGB[3*from+c])*2/255-1)) > 1e-6 {
					return false
				}
			}
		}
	}
	return true
}

// TestPadding holds that what lies beyond a shrunk image is mid-grey and does not count.
func TestPadding(t *testing.T) {
	s := newSampler(t, camvid(t, 4, 1), dataset.SamplerOptions{Scale: 1, Augment: true})
	padded := 0
	for epoch := range 20 {
		b := draw(t, s, 0, epoch, 0, 4, 16)
		for n := range 4 {
			corner := (n*16+15)*16 + 15
			if b.labels[corner] == dataset.Ignore && b.image[corner] == 0 && b.image[corner-1] == 0 && b.labels[corner-1] == dataset.Ignore {
				padded++
			}
		}
	}
	if padded < 5 {
		t.Errorf("%d of 80 corners are padded; a quarter of the scales shrink the image", padded)
	}
}

func TestWhole(t *testing.T) {
	dir := camvid(t, 2, 2)
	set, err := dataset.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s := newSampler(t, dir, dataset.SamplerOptions{Scale: 0.5})
	image, labels, h, w, err := s.Whole(1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Load(set.Val[1], 0.5)
	if err != nil {
		t.Fatal(err)
	}
	if h != 8 || w != 10 || !bytes.Equal(labels, p.Labels) || len(image) != 3*h*w || s.Validation() != 2 {
		t.Errorf("%d×%d, %d values", w, h, len(image))
	}
	for i := range labels {
		if want := float32(p.RGB[3*i+1])*2/255 - 1; math.Abs(float64(image[h*w+i]-want)) > 1e-6 {
			t.Fatalf("green of pixel %d is %v, want %v", i, image[h*w+i], want)
		}
	}
}
