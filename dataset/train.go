package dataset

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// TrainOptions are the choices of NewTrainSampler.
type TrainOptions struct {
	Height, Width int // of the crops
	// Scale is that of all images before anything else, with a filter that covers what it shrinks, as Set.Load has it; 0 is 1.
	// The random scales are relative to it, and interpolate without a filter, as the paper's do.
	Scale float64
	// Scales are drawn from MinScale to MaxScale in steps of ScaleStep, or from all between where ScaleStep is 0. All
	// three 0 are the paper's 0.5 to 2 in steps of 0.25; 1, 1 and 0 leave images as large as they are.
	MinScale, MaxScale, ScaleStep float64
	Flip                          bool // half of the crops left to right
	Seed                          uint64
	// Workers is how many goroutines make crops, 0 meaning one a processor. Batches do not depend on it.
	Workers int
	// SkipBad takes, in place of an image that cannot be read, the one after it in the epoch's order; else it is an error.
	SkipBad bool
	// Warn, if not nil, is told once of each image that SkipBad leaves out, in one line. It is called by one goroutine at
	// a time, but by any.
	Warn func(string)
	// CacheBytes is how much memory may hold decoded images, 0 meaning 1 GiB; the others are read again in each epoch.
	CacheBytes int64
}

// TrainSampler makes batches of a set's training images for retraining, augmented as in the paper (§5.2): a random scale,
// a flip, and a random crop, padded where the image is smaller.
//
// A batch is a function of the options and of what it is asked for by; no state is carried from one to the next. Worker
// goroutines make those that come after the last one asked for ahead of time.
type TrainSampler struct {
	set    *Set
	o      TrainOptions
	scales scales
	sum    string
	ahead  *ahead

	memory sync.Mutex
	room   int64 // bytes of images that still fit
	// What is in memory stays. An epoch shows every image once, so whatever were thrown out first would be asked for
	// again before what replaced it.
	cached []*Pair
	bad    map[int]error
	warn   sync.Mutex

	orders  sync.Mutex
	order   [2][]int // of epoch orderOf; two, since batches of the next epoch are made before this one's end
	orderOf [2]int
}

// NewTrainSampler makes the sampler and starts its workers, which Close stops. No picture is read yet.
func NewTrainSampler(set *Set, o TrainOptions) (*TrainSampler, error) {
	if o.Height < 1 || o.Width < 1 || o.Height > MaxPixels/o.Width {
		return nil, fmt.Errorf("crops of %d×%d, want at least 1×1 and at most %d pixels", o.Width, o.Height, MaxPixels)
	}
	zoom := scales{o.MinScale, o.MaxScale, o.ScaleStep}
	if zoom == (scales{}) {
		zoom = paperScales
	}
	if err := zoom.check(); err != nil {
		return nil, err
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	if !(o.Scale > 0 && o.Scale <= 16) {
		return nil, fmt.Errorf("images at scale %g, want more than 0 and at most 16", o.Scale)
	}
	if len(set.Train) == 0 {
		return nil, fmt.Errorf("%s: it has no training images", set.Dir)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 1 << 30
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	s := &TrainSampler{set: set, o: o, scales: zoom, room: o.CacheBytes, orderOf: [2]int{-1, -1},
		cached: make([]*Pair, len(set.Train)), bad: make(map[int]error)}
	var err error
	// SkipBad is not in it: who stops at a bad image may go on without it.
	s.sum, err = fingerprint(fmt.Sprintf("train %s %v %d %d×%d %g %v %t\n", set.Layout, set.Classes.ClassNames, o.Seed, o.Height, o.Width, o.Scale, zoom, o.Flip), set.Train)
	if err != nil {
		return nil, err
	}
	s.ahead = newAhead(o.Workers, o.Height*o.Width, s.following, s.one)
	return s, nil
}

// Close stops the workers and waits for them. Batch gives an error from then on.
func (s *TrainSampler) Close() { s.ahead.close() }

// Fingerprint is a digest of the files' names and sizes, the classes and the options that batches depend on.
func (s *TrainSampler) Fingerprint() string { return s.sum }

// Classes names the classes.
func (s *TrainSampler) Classes() []string { return s.set.Classes.ClassNames }

// Steps is how many whole batches an epoch has; the images that make no whole one at its end are left out of it.
func (s *TrainSampler) Steps(batch int) int { return len(s.set.Train) / max(batch, 1) }

// Batch fills batch number index, 0 to Steps(batch)−1, of an epoch with crops: image [3, batch, Height, Width], RGB 0…255,
// 127.5 outside the picture, and labels [batch, Height, Width], a class or Ignore. Errors name the file.
func (s *TrainSampler) Batch(epoch, index, batch int, image []float32, labels []uint8) error {
	pixels := batch * s.o.Height * s.o.Width
	switch {
	case epoch < 0 || index < 0 || batch < 1 || index >= s.Steps(batch):
		return fmt.Errorf("batch %d of %d images in epoch %d: an epoch has %d", index, batch, epoch, s.Steps(batch))
	case len(image) != 3*pixels || len(labels) != pixels:
		return fmt.Errorf("%d values and %d labels for a batch of %d crops of %d×%d", len(image), len(labels), batch, s.o.Width, s.o.Height)
	}
	return s.ahead.take(batchKey{epoch, index, batch}, image, labels)
}

// following is what is likely to be asked for after k.
func (s *TrainSampler) following(k batchKey) batchKey {
	if k.index++; k.index >= s.Steps(k.batch) {
		k.epoch, k.index = k.epoch+1, 0
	}
	return k
}

// one makes crop i of a batch.
func (s *TrainSampler) one(k batchKey, i int, image []float32, labels []uint8) error {
	order := s.shuffled(k.epoch)
	at := k.index*k.batch + i
	p, err := s.load(order[at])
	for next := 1; err != nil && s.o.SkipBad; next++ {
		if next == len(order) {
			return fmt.Errorf("none of the %d training images can be read; the last error: %w", len(order), err)
		}
		p, err = s.load(order[(at+next)%len(order)])
	}
	if err != nil {
		return err
	}
	// The place's own numbers, so that a sample that stands in for another too is not cut twice the same way.
	r := generator(s.o.Seed, "train crop", k.epoch, order[at])
	p.place(r, s.scales.draw(r), s.o.Flip, s.o.Height, s.o.Width).fill(p, i, k.batch, image, labels)
	return nil
}

// load gives training image i. What could not be read once is not tried again: a file mended while a run is under way
// would make its batches depend on when they were made.
func (s *TrainSampler) load(i int) (*Pair, error) {
	s.memory.Lock()
	p, err := s.cached[i], s.bad[i]
	s.memory.Unlock()
	if p != nil || err != nil {
		return p, err
	}
	p, err = s.set.Load(s.set.Train[i], s.o.Scale)
	s.memory.Lock()
	defer s.memory.Unlock()
	if err != nil {
		if s.bad[i] == nil {
			s.bad[i] = err
			if s.o.SkipBad && s.o.Warn != nil {
				s.warn.Lock()
				defer s.warn.Unlock()
				s.o.Warn(fmt.Sprintf("left out: %v", err))
			}
		}
		return nil, err
	}
	if size := int64(4 * len(p.Labels)); s.cached[i] == nil && size <= s.room {
		s.room -= size
		s.cached[i] = p
	}
	return p, nil
}

// shuffled gives the order of the training images in an epoch.
func (s *TrainSampler) shuffled(epoch int) []int {
	s.orders.Lock()
	defer s.orders.Unlock()
	slot := epoch & 1
	if s.orderOf[slot] != epoch || s.order[slot] == nil {
		s.order[slot] = generator(s.o.Seed, "train order", epoch, 0).Perm(len(s.set.Train))
		s.orderOf[slot] = epoch
	}
	return s.order[slot]
}

// errClosed is what Batch gives after Close.
var errClosed = errors.New("the sampler has been closed")
