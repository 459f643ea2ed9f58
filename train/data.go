package train

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"autodeeplab/dataset"
)

// Data is what a training learns from. Everything is a function of the arguments and of the data set alone, so that a
// training that was stopped goes on with the very same batches.
type Data interface {
	// Fingerprint identifies the data set and the options that batches depend on.
	Fingerprint() string
	// Classes names the classes.
	Classes() []string
	// Steps is the number of whole batches of an epoch.
	Steps(batch int) int
	// Batch fills a batch of crops: image [3, N, height, width], RGB 0…255, labels [N, height, width].
	Batch(epoch, index, batch int, image []float32, labels []uint8) error
	// Pixels counts the training set's pixels of each class.
	Pixels() ([]int64, error)
}

// FolderData is a data set in a folder, as New wants it. Its goroutines make batches ahead of time until it is closed.
type FolderData struct {
	*dataset.TrainSampler
	set     *dataset.Set
	skipBad bool
}

// DataOptions are the choices of NewFolderData that do not change what a training gives, but for SkipBad where an image is
// bad.
type DataOptions struct {
	// Workers is how many goroutines make crops, 0 meaning one a processor.
	Workers int
	// SkipBad takes, in place of an image that cannot be read, the one after it; else it is an error. Warn, which may be
	// nil, is told of each.
	SkipBad bool
	Warn    func(string)
}

// NewFolderData prepares the training set of a folder for the options of a training.
func NewFolderData(set *dataset.Set, o Options, d DataOptions) (*FolderData, error) {
	to := dataset.TrainOptions{Height: o.Crop.Height, Width: o.Crop.Width, MinScale: o.MinScale, MaxScale: o.MaxScale, ScaleStep: o.ScaleStep,
		Flip: o.Flip, Seed: o.Seed, Workers: d.Workers, SkipBad: d.SkipBad, Warn: d.Warn}
	f := &FolderData{set: set, skipBad: d.SkipBad}
	if o.ScaleToCrop {
		first, err := f.first()
		if err != nil {
			return nil, err
		}
		to.Scale = min(float64(o.Crop.Height)/float64(first.Height), float64(o.Crop.Width)/float64(first.Width))
	}
	var err error
	if f.TrainSampler, err = dataset.NewTrainSampler(set, to); err != nil {
		return nil, fmt.Errorf("%w (--crop, --min-scale, --max-scale, --scale-step, --scale-to-crop)", err)
	}
	return f, nil
}

// first gives the first training image that can be read.
func (f *FolderData) first() (*dataset.Pair, error) {
	for _, sample := range f.set.Train {
		p, err := f.set.Load(sample, 1)
		if err == nil || !f.skipBad {
			return p, err
		}
	}
	return nil, fmt.Errorf("%s: none of the %d training images can be read", f.set.Dir, len(f.set.Train))
}

// Pixels reads all labels of the training set.
func (f *FolderData) Pixels() ([]int64, error) {
	errs := make([]error, len(f.set.Train))
	counts := make([]int64, f.set.Classes.Len()) // sums of integers: the same in any order
	var next atomic.Int64
	var lock sync.Mutex
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			var own [256]int64
			for {
				i := int(next.Add(1)) - 1
				if i >= len(errs) {
					break
				}
				p, err := f.set.Load(f.set.Train[i], 1)
				if errs[i] = err; err != nil {
					continue
				}
				for _, label := range p.Labels {
					own[label]++
				}
			}
			lock.Lock()
			defer lock.Unlock()
			for k := range counts {
				counts[k] += own[k]
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil && !f.skipBad {
			return nil, err
		}
	}
	return counts, nil
}
