package dataset

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Sampler makes batches of random crops of a set's training images, and whole validation images.
//
// What it gives is a function of its options and of the arguments alone: no random generator is carried from one call to
// the next, so that whoever stops needs to remember no more than an epoch and an index.
type Sampler struct {
	set     *Set
	o       SamplerOptions
	halves  [2][]int // indices into set.Train
	sum     string
	cached  []*Pair // of Train, then Val; nil where not in memory
	orders  sync.Mutex
	order   []int // of half orderOf in epoch orderOf
	orderOf [2]int
}

// SamplerOptions are the choices of NewSampler.
type SamplerOptions struct {
	Scale   float64 // of all images and labels
	Seed    uint64
	Augment bool // random scales of 0.5 to 2 in steps of 0.25; flips and places are random without it too
	// Halve splits the training set in two disjoint halves; else half 0 is all of it and half 1 is empty.
	Halve bool
	// LargestCrop is refused where an image is smaller than it.
	LargestCrop int
	Threads     int // that read files at the beginning
	// CacheBytes is how much memory may hold images; what does not fit is read anew whenever it is asked for. 0 is 1 GiB.
	CacheBytes int
	// Progress, if not nil, is told how many of the files have been read. It may be called from several goroutines.
	Progress func(done, all int)
}

// NewSampler reads and checks every sample of the set once, and keeps as many as CacheBytes allow.
func NewSampler(set *Set, o SamplerOptions) (*Sampler, error) {
	if !(o.Scale > 0) {
		return nil, fmt.Errorf("scale %g, want more than 0", o.Scale)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 1 << 30
	}
	s := &Sampler{set: set, o: o, orderOf: [2]int{-1, -1}}
	all := append(append([]Sample{}, set.Train...), set.Val...)
	s.cached = make([]*Pair, len(all))
	errs := make([]error, len(all))
	var next, done, bytes atomic.Int64
	var wait sync.WaitGroup
	for range max(o.Threads, 1) {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				pair, err := set.Load(all[i], o.Scale)
				if err == nil && i < len(set.Train) && (pair.Height < o.LargestCrop || pair.Width < o.LargestCrop) {
					err = fmt.Errorf("%s: it is %d×%d at scale %g, smaller than the crop of %d×%[5]d (--crops, --scale)", all[i].Image, pair.Width, pair.Height, o.Scale, o.LargestCrop)
				}
				if errs[i] = err; err != nil {
					next.Store(int64(len(all))) // those before i are under way and may still report an earlier error
					return
				}
				if bytes.Add(int64(4*len(pair.Labels))) <= int64(o.CacheBytes) {
					s.cached[i] = pair
				}
				if d := done.Add(1); o.Progress != nil {
					o.Progress(int(d), len(all))
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}

	perm := generator(o.Seed, "halves", 0, 0).Perm(len(set.Train))
	if !o.Halve {
		s.halves[0] = perm
	} else {
		cut := (len(perm) + 1) / 2
		s.halves = [2][]int{perm[:cut], perm[cut:]}
	}
	var err error
	s.sum, err = fingerprint(fmt.Sprintf("%s %v %d %g %t\n", set.Layout, set.Classes.ClassNames, o.Seed, o.Scale, o.Augment), all)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Fingerprint is a digest of the files' names and sizes, the classes and the options that samples depend on.
func (s *Sampler) Fingerprint() string { return s.sum }

// ClassNames names the classes.
func (s *Sampler) ClassNames() []string { return s.set.Classes.ClassNames }

// Half lists the samples of one half of the training set.
func (s *Sampler) Half(half int) []Sample {
	var list []Sample
	for _, i := range s.halves[half] {
		list = append(list, s.set.Train[i])
	}
	return list
}

func (s *Sampler) load(i int) (*Pair, error) {
	if p := s.cached[i]; p != nil {
		return p, nil
	}
	if n := len(s.set.Train); i >= n {
		return s.set.Load(s.set.Val[i-n], s.o.Scale)
	}
	return s.set.Load(s.set.Train[i], s.o.Scale)
}

// shuffled gives the order of a half's samples in an epoch.
func (s *Sampler) shuffled(half, epoch int) []int {
	s.orders.Lock()
	defer s.orders.Unlock()
	if s.orderOf != [2]int{half, epoch} {
		s.order = generator(s.o.Seed, "order", half, epoch).Perm(len(s.halves[half]))
		s.orderOf = [2]int{half, epoch}
	}
	return s.order
}

// Batch fills batch number index of an epoch of a half with n crops of size×size pixels: image [3, n, size, size] with
// values x·2/255 − 1, labels [n, size, size]. Every sample of the half comes up once an epoch, but for those that make no
// whole batch at its end.
func (s *Sampler) Batch(half, epoch, index, n, size int, image []float32, labels []uint8) error {
	order := s.shuffled(half, epoch)
	if (index+1)*n > len(order) {
		return fmt.Errorf("batch %d of %d images: the half has %d", index, n, len(order))
	}
	for i := range n {
		at := order[index*n+i]
		p, err := s.load(s.halves[half][at])
		if err != nil {
			return err
		}
		r := generator(s.o.Seed, fmt.Sprintf("crop %d", half), epoch, at)
		scale := 1.0
		if s.o.Augment {
			scale = paperScales.draw(r)
		}
		p.place(r, scale, true, size, size).fill(p, i, n, image, labels)
	}
	for i, v := range image[:3*n*size*size] {
		image[i] = normalised(v)
	}
	return nil
}

// normalised brings 0…255 to −1…1; the conversion keeps machines with fused multiply-add from rounding otherwise.
func normalised(v float32) float32 { return float32(v*(2.0/255)) - 1 }

// Validation is the number of validation images.
func (s *Sampler) Validation() int { return len(s.set.Val) }

// Whole gives validation image i: image [3, 1, Height, Width] as Batch has it, labels [Height, Width].
func (s *Sampler) Whole(i int) (image []float32, labels []uint8, height, width int, err error) {
	p, err := s.load(len(s.set.Train) + i)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	n := p.Height * p.Width
	image = make([]float32, 3*n)
	for at := range n {
		for c := range 3 {
			image[c*n+at] = normalised(float32(p.RGB[3*at+c]))
		}
	}
	return image, p.Labels, p.Height, p.Width, nil
}
