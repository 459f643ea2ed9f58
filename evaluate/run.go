package evaluate

import (
	"context"
	"fmt"
	"math"
	goruntime "runtime"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/segmenter"
	"autodeeplab/runtime"
)

// Options say how pictures are put through a network, and what is measured. The zero Options give each picture once, at
// its own size, to a network of dynamic size; to a network of fixed size in windows of that size without overlap.
type Options struct {
	// Scales are the sizes at which a picture is seen, as factors of its own; none means 1 alone. The paper takes PaperScales.
	Scales []float64
	// Flip has every view seen mirrored, too.
	Flip bool
	// Window is what the network sees at a time of a picture, at each scale; 0 is all of it. Smaller pictures are padded.
	// Networks of fixed size see windows of that size.
	Window Size
	// Overlap of neighbouring windows as a share of their size.
	Overlap float64
	// Shrink has pictures shrunk to fit a network of fixed size, as package imageio does, instead of cut into windows.
	Shrink bool
	// BoundaryTolerance is the distance for the boundary F-score as a share of the diagonal; 0 leaves that score out.
	BoundaryTolerance float64
	// Threads that work beside the session's, on resizing, averaging and scoring; 0 means GOMAXPROCS. The result does not
	// depend on it.
	Threads int
	// MaxSums bounds the memory of probabilities of several views or windows in bytes; 0 means DefaultMaxSums.
	MaxSums int64
	// Progress is told after every picture; may be nil.
	Progress func(done, all int)
	// Each is given every prediction, of the size of the sample's labels, in the order of the samples; may be nil. An error
	// ends the evaluation.
	Each func(sample dataset.Sample, prediction *imageio.Mask) error
}

// Size is in pixels.
type Size struct{ Height, Width int }

// PaperScales are the scales of multi-scale inference in the Auto-DeepLab paper, which has left-right flips of each, too.
func PaperScales() []float64 { return []float64{0.5, 0.75, 1, 1.25, 1.5, 1.75} }

// DefaultBoundaryTolerance is what Csurka et al. take.
const DefaultBoundaryTolerance = 0.0075

const (
	maxOverlap   = 0.95
	maxTolerance = 0.1
)

// Run segments the samples of a set with a session of any engine and measures the result. Classes must be as many as the
// set's. Where a pixel is seen several times, in several views or windows, the probabilities (after softmax) are averaged,
// over the windows of a view first. The next picture is read while the network computes, one ahead.
// Errors name the file, or wrap ErrOptions; if ctx is done, the error is ctx.Err().
func Run(ctx context.Context, session runtime.Session, set *dataset.Set, samples []dataset.Sample, o Options) (*Result, error) {
	model, err := segmenter.Open(session)
	if err != nil {
		return nil, err
	}
	if o.Threads <= 0 {
		o.Threads = goruntime.GOMAXPROCS(0)
	}
	p := &predictor{model: model, classes: set.Classes.Len(), options: o, pool: kernel.NewPool(o.Threads)}
	defer p.pool.Close()
	if err := p.check(); err != nil {
		return nil, err
	}
	score := newScore(p.pool, set.Classes.Len(), o.BoundaryTolerance)
	ctx, cancel := context.WithCancel(ctx)
	loaded := load(ctx, set, samples)
	defer func() {
		cancel()
		for range loaded { // until the reader has ended
		}
	}()
	for i, sample := range samples {
		next, ok := <-loaded
		switch {
		case !ok:
			return nil, ctx.Err()
		case next.err != nil:
			return nil, next.err
		}
		mask, err := p.predict(ctx, next.pair)
		if err == nil {
			err = score.add(mask.Labels, next.pair)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("%s: %w", sample.Image, err)
		}
		if o.Each != nil {
			if err := o.Each(sample, mask); err != nil {
				return nil, err
			}
		}
		if o.Progress != nil {
			o.Progress(i+1, len(samples))
		}
	}
	r := score.result()
	if math.IsNaN(r.MIoU) {
		return nil, fmt.Errorf("the labels of %d pictures have no pixel that counts: all are to be ignored", r.Images)
	}
	return r, nil
}

// read is a sample that has been read, or why it has not.
type read struct {
	pair *dataset.Pair
	err  error
}

// load reads the samples in order, one ahead of the one that is taken. The channel is closed after the last, after an
// error, and once ctx is done.
func load(ctx context.Context, set *dataset.Set, samples []dataset.Sample) <-chan read {
	c := make(chan read)
	go func() {
		defer close(c)
		for _, s := range samples {
			if ctx.Err() != nil {
				return
			}
			pair, err := set.Load(s, 1)
			select {
			case c <- read{pair, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return c
}
