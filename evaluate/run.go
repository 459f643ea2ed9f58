package evaluate

import (
	"context"
	"fmt"
	goruntime "runtime"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/segmenter"
	"autodeeplab/runtime"
)

// Options say how pictures are put through a network. The zero Options give each picture once, whole, at its own size.
type Options struct {
	// Threads that work beside the session's, on resizing, averaging and scoring; 0 means GOMAXPROCS. The result does not
	// depend on it.
	Threads int
	// Progress is told after every picture; may be nil.
	Progress func(done, all int)
	// Each is given every prediction, of the size of the sample's labels, in the order of the samples; may be nil. An error
	// ends the evaluation.
	Each func(sample dataset.Sample, prediction *imageio.Mask) error
}

// Run segments the samples of a set with a session of any engine and measures the result. Classes must be as many as the
// set's. The next picture is read while the network computes; three pictures are in memory at most. Errors name the
// file; if ctx is done, the error is ctx.Err().
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
	score := newScore(set.Classes.Len(), o)
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
	return score.result(), nil
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
