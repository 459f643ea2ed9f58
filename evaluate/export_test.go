package evaluate

import (
	"context"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/segmenter"
	"autodeeplab/runtime"
)

// Predict gives a picture's mask, and the probabilities that it is decided by, [classes][pixels], as far as the model
// gives scores.
func Predict(ctx context.Context, s runtime.Session, pair *dataset.Pair, classes int, o Options) (*imageio.Mask, [][]float32, error) {
	m, err := segmenter.Open(s)
	if err != nil {
		return nil, nil, err
	}
	p := &predictor{model: m, classes: classes, options: o, pool: kernel.NewPool(max(o.Threads, 1))}
	defer p.pool.Close()
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	mask, err := p.predict(ctx, pair)
	if err != nil || m.Labels() {
		return mask, nil, err
	}
	views := float32(max(len(o.Scales), 1))
	if o.Flip {
		views *= 2
	}
	a := newAverage(p.pool, classes, pair.Height, pair.Width)
	jobs := p.plan(pair.Height, pair.Width)
	for i := range jobs {
		out, err := p.run(ctx, jobs[i].input(p.pool, pair))
		if err != nil {
			return nil, nil, err
		}
		if err := a.add(&jobs[i], out); err != nil {
			return nil, nil, err
		}
	}
	probabilities := make([][]float32, classes)
	for _, row := range a.rows {
		for i, v := range row {
			probabilities[i/pair.Width] = append(probabilities[i/pair.Width], v/views)
		}
	}
	return mask, probabilities, nil
}
