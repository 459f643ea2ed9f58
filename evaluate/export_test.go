package evaluate

import (
	"context"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/segmenter"
	"autodeeplab/runtime"
)

// Prediction is a picture's mask and how it came about.
type Prediction struct {
	Mask *imageio.Mask
	// Probabilities are [classes][pixels], nil where the model gives labels.
	Probabilities [][]float32
	// Rows of probabilities that were in memory at a time, at most.
	Rows int
}

// Predict segments a picture.
func Predict(ctx context.Context, s runtime.Session, pair *dataset.Pair, classes int, o Options) (*Prediction, error) {
	m, err := segmenter.Open(s)
	if err != nil {
		return nil, err
	}
	p := &predictor{model: m, classes: classes, options: o, pool: kernel.NewPool(max(o.Threads, 1))}
	defer p.pool.Close()
	if err := p.check(); err != nil {
		return nil, err
	}
	mask, err := p.predict(ctx, pair)
	if err != nil || m.Labels() {
		return &Prediction{Mask: mask}, err
	}
	jobs := p.plan(pair.Height, pair.Width)
	a := newAverage(p.pool, classes, pair.Height, pair.Width, p.model.Aligned)
	if err := p.average(ctx, pair, jobs, a); err != nil {
		return nil, err
	}
	r := &Prediction{Mask: mask, Rows: len(a.unused), Probabilities: make([][]float32, classes)}
	views := float32(max(len(o.Scales), 1))
	if o.Flip {
		views *= 2
	}
	// Once more, and no row given up.
	a = newAverage(p.pool, classes, pair.Height, pair.Width, p.model.Aligned)
	for i := range jobs {
		out, err := p.run(ctx, jobs[i].input(p.pool, pair))
		if err != nil {
			return nil, err
		}
		if err := a.add(&jobs[i], out); err != nil {
			return nil, err
		}
	}
	for _, row := range a.rows {
		for i, v := range row {
			r.Probabilities[i/pair.Width] = append(r.Probabilities[i/pair.Width], v/views)
		}
	}
	return r, nil
}

// CheckMemory asks whether averaging over pictures of h × w would be refused.
func CheckMemory(s runtime.Session, classes, h, w int, o Options) error {
	m, err := segmenter.Open(s)
	if err != nil {
		return err
	}
	p := &predictor{model: m, classes: classes, options: o}
	a := &average{classes: classes, mask: &imageio.Mask{Width: w, Height: h}}
	return a.checkMemory(p.plan(h, w), 0)
}

// Windows lists, for a picture side, the first pixel of each window of a view and the picture's pixels lo…hi−1 that it
// decides.
func Windows(picture int, scale float64, size int, overlap float64, exclusive bool) (starts, lo, hi []int, view int) {
	a := newAxis(picture, viewSide(picture, scale), size, overlap, exclusive)
	for _, w := range a.windows {
		starts, lo, hi = append(starts, w.start), append(lo, w.lo), append(hi, w.hi)
	}
	return starts, lo, hi, a.view
}
