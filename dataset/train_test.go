package dataset_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"autodeeplab/dataset"
	"autodeeplab/internal/testenv"
)

func newTrainSampler(t testing.TB, dir string, o dataset.TrainOptions) *dataset.TrainSampler {
	t.Helper()
	set, err := dataset.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := dataset.NewTrainSampler(set, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// crops asks for a batch of crops of 12×14.
func crops(t testing.TB, s *dataset.TrainSampler, epoch, index, n int) batch {
	t.Helper()
	b := batch{make([]float32, 3*n*12*14), make([]uint8, n*12*14)}
	if err := s.Batch(epoch, index, n, b.image, b.labels); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTrainBatchIsAFunction holds that a batch depends neither on the workers, nor on the memory for images, nor on what
// was asked for before, as a resume needs.
func TestTrainBatchIsAFunction(t *testing.T) {
	dir := camvid(t, 9, 1)
	options := func(workers int, cache int64) dataset.TrainOptions {
		return dataset.TrainOptions{Height: 12, Width: 14, Flip: true, Seed: 5, Workers: workers, CacheBytes: cache}
	}
	one := newTrainSampler(t, dir, options(1, 0))
	if one.Steps(2) != 4 || one.Steps(10) != 0 || len(one.Classes()) != 11 {
		t.Errorf("%d and %d steps, %d classes", one.Steps(2), one.Steps(10), len(one.Classes()))
	}
	type key struct{ epoch, index int }
	want := make(map[key]batch)
	for epoch := range 3 {
		for index := range 4 {
			b := crops(t, one, epoch, index, 2)
			for k, other := range want {
				if b.equal(other) {
					t.Errorf("batches %v and %v are the same", k, key{epoch, index})
				}
			}
			want[key{epoch, index}] = b
		}
	}
	for _, o := range []dataset.TrainOptions{options(4, 0), options(3, 1), options(2, 3*4*20*16)} {
		s := newTrainSampler(t, dir, o)
		if s.Fingerprint() != one.Fingerprint() {
			t.Errorf("%+v: another fingerprint", o)
		}
		for _, k := range []key{{1, 2}, {1, 3}, {2, 0}, {0, 0}, {2, 3}, {0, 1}, {0, 2}, {0, 3}, {1, 0}, {1, 0}} {
			if !crops(t, s, k.epoch, k.index, 2).equal(want[k]) {
				t.Errorf("%+v: batch %v differs", o, k)
			}
		}
	}
	// Batches of another size are cut out of the same row of crops.
	four := crops(t, one, 1, 1, 4)
	if plane := 2 * 12 * 14; !slices.Equal(four.labels[:plane], want[key{1, 2}].labels) || !slices.Equal(four.labels[plane:], want[key{1, 3}].labels) {
		t.Error("the crops depend on the size of the batches")
	}
	var wait sync.WaitGroup
	for i := range 8 { // several callers
		wait.Go(func() {
			k := key{i % 3, i % 4}
			if !crops(t, one, k.epoch, k.index, 2).equal(want[k]) {
				t.Errorf("batch %v differs where several are asked for at once", k)
			}
		})
	}
	wait.Wait()
}

// TestTrainScale holds that images are first resized as Load resizes them, smoothly: a crop of the whole at random scales of
// 1 is what Load gives.
func TestTrainScale(t *testing.T) {
	dir := camvid(t, 1, 1)
	set, err := dataset.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := set.Load(set.Train[0], 0.5)
	if err != nil {
		t.Fatal(err)
	}
	s := newTrainSampler(t, dir, dataset.TrainOptions{Height: pair.Height, Width: pair.Width, Scale: 0.5, MinScale: 1, MaxScale: 1})
	n := pair.Height * pair.Width
	image, labels := make([]float32, 3*n), make([]uint8, n)
	if err := s.Batch(0, 0, 1, image, labels); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(labels, pair.Labels) {
		t.Error("the labels differ")
	}
	for i := range n {
		for c := range 3 {
			if image[c*n+i] != float32(pair.RGB[3*i+c]) {
				t.Fatalf("pixel %d, channel %d is %g, want %d", i, c, image[c*n+i], pair.RGB[3*i+c])
			}
		}
	}
}

func TestTrainFingerprint(t *testing.T) {
	dir := camvid(t, 2, 1)
	base := dataset.TrainOptions{Height: 12, Width: 14}
	first := newTrainSampler(t, dir, base).Fingerprint()
	for name, change := range map[string]func(*dataset.TrainOptions){
		"height": func(o *dataset.TrainOptions) { o.Height = 13 },
		"scale":  func(o *dataset.TrainOptions) { o.Scale = 0.5 },
		"scales": func(o *dataset.TrainOptions) { o.MinScale, o.MaxScale = 1, 1 },
		"flip":   func(o *dataset.TrainOptions) { o.Flip = true },
		"seed":   func(o *dataset.TrainOptions) { o.Seed = 1 },
	} {
		o := base
		change(&o)
		if newTrainSampler(t, dir, o).Fingerprint() == first {
			t.Errorf("%s: the fingerprint stays", name)
		}
	}
	paper := base
	paper.MinScale, paper.MaxScale, paper.ScaleStep, paper.SkipBad, paper.Workers = 0.5, 2, 0.25, true, 7
	if newTrainSampler(t, dir, paper).Fingerprint() != first {
		t.Error("what does not change good batches changes the fingerprint")
	}
	write(t, filepath.Join(dir, "train", "a.png"), []byte("longer or shorter"))
	if newTrainSampler(t, dir, base).Fingerprint() == first {
		t.Error("the fingerprint stays though a file has another size")
	}
}

// TestBadImage holds that an image that cannot be read stops its batch with its name, and no other batch; and that SkipBad
// replaces it, warns once, and gives the same batches for any number of workers.
func TestBadImage(t *testing.T) {
	dir := camvid(t, 6, 1)
	o := dataset.TrainOptions{Height: 12, Width: 14, Flip: true, Workers: 2}
	good := newTrainSampler(t, dir, o)
	want := make([]batch, 6)
	for i := range want {
		want[i] = crops(t, good, 0, i, 1)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "train", "c.png"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "train", "c.png"), whole[:len(whole)/2])

	s := newTrainSampler(t, dir, o)
	failed := -1
	for range 2 { // asked for again, the same error
		for i := range want {
			b := batch{make([]float32, 3*12*14), make([]uint8, 12*14)}
			err := s.Batch(0, i, 1, b.image, b.labels)
			switch {
			case err == nil && !b.equal(want[i]):
				t.Errorf("batch %d differs", i)
			case err != nil && (failed >= 0 && failed != i || !strings.Contains(err.Error(), filepath.Join("train", "c.png")) || !strings.Contains(err.Error(), "truncated PNG")):
				t.Errorf("batch %d: %v", i, err)
			case err != nil:
				failed = i
			}
		}
	}
	if failed < 0 {
		t.Fatal("no batch tells of the bad image")
	}

	var first []batch
	for _, workers := range []int{1, 4} {
		var warnings []string
		o := o
		o.Workers, o.SkipBad, o.Warn = workers, true, func(text string) { warnings = append(warnings, text) }
		s := newTrainSampler(t, dir, o)
		var all []batch
		for epoch := range 3 {
			for i := range want {
				all = append(all, crops(t, s, epoch, i, 1))
				if epoch == 0 && i != failed && !all[i].equal(want[i]) {
					t.Errorf("%d workers: batch %d, of a good image, differs", workers, i)
				}
			}
		}
		s.Close()
		if all[failed].equal(all[(failed+1)%6]) {
			t.Error("the image that stands in is cut the same way twice")
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0], "c.png") {
			t.Errorf("warnings %q", warnings)
		}
		for i := range first {
			if !first[i].equal(all[i]) {
				t.Errorf("%d workers: batch %d differs", workers, i)
			}
		}
		first = all
	}

	for _, name := range []string{"a", "b", "d", "e", "f"} {
		write(t, filepath.Join(dir, "train", name+".png"), nil)
	}
	o.SkipBad = true
	err = newTrainSampler(t, dir, o).Batch(0, 0, 1, make([]float32, 3*12*14), make([]uint8, 12*14))
	if err == nil || !strings.Contains(err.Error(), "none of the 6 training images can be read") {
		t.Errorf("all bad: %v", err)
	}
}

func TestTrainSamplerCloses(t *testing.T) {
	testenv.Goroutines(t)
	dir := camvid(t, 6, 1)
	s := newTrainSampler(t, dir, dataset.TrainOptions{Height: 12, Width: 14, Workers: 5})
	crops(t, s, 0, 0, 2)
	s.Close()
	s.Close()
	if err := s.Batch(0, 0, 2, make([]float32, 2*3*12*14), make([]uint8, 2*12*14)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
}

// TestCloseDuringBatches closes samplers while several goroutines ask for batches: each gets a batch or is told.
func TestCloseDuringBatches(t *testing.T) {
	testenv.Goroutines(t)
	dir := camvid(t, 6, 1)
	for round := range 5 {
		s := newTrainSampler(t, dir, dataset.TrainOptions{Height: 12, Width: 14, Workers: 1 + round})
		var group sync.WaitGroup
		first := make(chan bool, 3)
		for g := range 3 {
			group.Go(func() {
				b := batch{make([]float32, 2*3*12*14), make([]uint8, 2*12*14)}
				for k := range 1000 {
					err := s.Batch(k, (g+k)%3, 2, b.image, b.labels)
					if k == 0 {
						first <- true
					}
					if err != nil {
						if !strings.Contains(err.Error(), "closed") {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		for range 3 {
			<-first
		}
		group.Go(s.Close)
		s.Close()
		group.Wait()
	}
}

func TestTrainSamplerErrors(t *testing.T) {
	dir := camvid(t, 5, 1)
	set, err := dataset.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]dataset.TrainOptions{
		"crops of 0×5":                {Height: 5},
		"crops of 100000×100000":      {Height: 100000, Width: 100000},
		"images at scale -1":          {Height: 5, Width: 5, Scale: -1},
		"scales from 2 to 1":          {Height: 5, Width: 5, MinScale: 2, MaxScale: 1},
		"scales in steps of -1":       {Height: 5, Width: 5, MinScale: 1, MaxScale: 2, ScaleStep: -1},
		"scales from 0 to 1, want 0 ": {Height: 5, Width: 5, MaxScale: 1},
	} {
		if _, err := dataset.NewTrainSampler(set, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	s := newTrainSampler(t, dir, dataset.TrainOptions{Height: 4, Width: 5})
	for _, test := range []struct {
		epoch, index, batch, values, labels int
		want                                string
	}{
		{0, 2, 2, 120, 40, "batch 2 of 2 images in epoch 0: an epoch has 2"},
		{0, -1, 2, 120, 40, "batch -1"},
		{-1, 0, 2, 120, 40, "in epoch -1"},
		{0, 0, 0, 0, 0, "of 0 images"},
		{0, 0, 2, 119, 40, "119 values and 40 labels for a batch of 2 crops of 5×4"},
		{0, 0, 2, 120, 41, "120 values and 41 labels"},
	} {
		err := s.Batch(test.epoch, test.index, test.batch, make([]float32, test.values), make([]uint8, test.labels))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func BenchmarkTrainBatch(b *testing.B) {
	for _, cached := range []bool{true, false} {
		b.Run(fmt.Sprintf("257x257/cached=%t", cached), func(b *testing.B) {
			dir := b.TempDir()
			for _, split := range []string{"train", "val"} {
				for i := range 4 {
					write(b, filepath.Join(dir, split, fmt.Sprint(i)+".png"), photo(b, 480, 360, uint64(i)))
					write(b, filepath.Join(dir, split+"annot", fmt.Sprint(i)+".png"), labels(b, 480, 360, func(x, y int) uint8 { return uint8((x + y) / 40 % 12) }))
				}
			}
			o := dataset.TrainOptions{Height: 257, Width: 257, Flip: true}
			if !cached {
				o.CacheBytes = 1
			}
			s := newTrainSampler(b, dir, o)
			image, labels := make([]float32, 4*3*257*257), make([]uint8, 4*257*257)
			i := 0
			for b.Loop() {
				if err := s.Batch(i, 0, 4, image, labels); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(4*float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
