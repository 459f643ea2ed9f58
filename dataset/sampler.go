package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
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

	perm := s.generator("halves", 0, 0).Perm(len(set.Train))
	if !o.Halve {
		s.halves[0] = perm
	} else {
		cut := (len(perm) + 1) / 2
		s.halves = [2][]int{perm[:cut], perm[cut:]}
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %v %d %g %t\n", set.Layout, set.Classes.ClassNames, o.Seed, o.Scale, o.Augment)
	for _, sample := range all {
		for _, path := range []string{sample.Image, sample.Label} {
			info, err := os.Stat(path)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(h, "%q %d\n", info.Name(), info.Size())
		}
	}
	s.sum = hex.EncodeToString(h.Sum(nil))
	return s, nil
}

// generator gives the random numbers of one use.
func (s *Sampler) generator(use string, a, b int) *rand.Rand {
	seed := binary.LittleEndian.AppendUint64([]byte("autodeeplab dataset\x00"+use+"\x00"), s.o.Seed)
	seed = binary.LittleEndian.AppendUint64(seed, uint64(a))
	return rand.New(rand.NewChaCha8(sha256.Sum256(binary.LittleEndian.AppendUint64(seed, uint64(b)))))
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
		s.order = s.generator("order", half, epoch).Perm(len(s.halves[half]))
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
		p.crop(s.generator(fmt.Sprintf("crop %d", half), epoch, at), s.o.Augment, size, i, n, image, labels)
	}
	return nil
}

// padValue is a pixel outside the image: mid-grey, as everywhere in this project.
const padValue = 0

// crop writes a random crop as image i of n. Where the scaled image is smaller than the crop it lies at the top left, and
// the rest is padding.
func (p *Pair) crop(r *rand.Rand, augment bool, size, i, n int, image []float32, labels []uint8) {
	scale := 1.0
	if augment {
		scale = 0.5 + 0.25*float64(r.IntN(7))
	}
	flip := r.IntN(2) == 1
	h, w := scaled(p.Height, scale), scaled(p.Width, scale)
	top, left := r.IntN(max(h-size, 0)+1), r.IntN(max(w-size, 0)+1)
	ys, xs := linearTaps(p.Height, h), linearTaps(p.Width, w)
	pixels := n * size * size
	for y := range size {
		for x := range size {
			at := (i*size+y)*size + x
			if y+top >= h || x+left >= w {
				labels[at] = Ignore
				for c := range 3 {
					image[c*pixels+at] = padValue
				}
				continue
			}
			ty, tx := ys[y+top], xs[x+left]
			if flip {
				tx = xs[w-1-(x+left)]
			}
			labels[at] = p.Labels[ty.nearest*p.Width+tx.nearest]
			a, b := p.RGB[3*(ty.low*p.Width+tx.low):], p.RGB[3*(ty.low*p.Width+tx.high):]
			d, e := p.RGB[3*(ty.high*p.Width+tx.low):], p.RGB[3*(ty.high*p.Width+tx.high):]
			for c := range 3 {
				upper := float32(float32(a[c])*(1-tx.share)) + float32(float32(b[c])*tx.share)
				lower := float32(float32(d[c])*(1-tx.share)) + float32(float32(e[c])*tx.share)
				v := float32(upper*(1-ty.share)) + float32(lower*ty.share)
				image[c*pixels+at] = normalised(v)
			}
		}
	}
}

// normalised brings 0…255 to −1…1; the conversion keeps machines with fused multiply-add from rounding otherwise.
func normalised(v float32) float32 { return float32(v*(2.0/255)) - 1 }

// linearTap says which pixels of an axis a pixel of the scaled axis is made of.
type linearTap struct {
	low, high, nearest int
	share              float32 // of high
}

func linearTaps(from, to int) []linearTap {
	taps := make([]linearTap, to)
	for i := range taps {
		x := (float64(i)+0.5)*float64(from)/float64(to) - 0.5
		low := math.Floor(x)
		inside := func(v int) int { return min(max(v, 0), from-1) }
		taps[i] = linearTap{inside(int(low)), inside(int(low) + 1), (2*i + 1) * from / (2 * to), float32(x - low)}
	}
	return taps
}

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
