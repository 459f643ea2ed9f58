package main

import (
	"context"
	"fmt"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/segmenter"
	"autodeeplab/runtime"
)

// network is a loaded model that makes masks of pictures.
type network struct {
	*segmenter.Model
	path    string
	engine  string
	threads int
	classes *dataset.Classes
}

// openNetwork loads the model at path and finds its picture input and its logits or labels. classes overrides what the
// model's metadata say, if not nil.
func (a *app) openNetwork(path string, e runtime.Engine, threads int, classes *dataset.Classes) (*network, error) {
	s, err := e.Load(path, a.limits.Engine(threads))
	if err != nil {
		return nil, err
	}
	n := &network{path: path, engine: e.Name(), threads: threads, classes: classes}
	if n.Model, err = segmenter.Open(s); err == nil {
		err = n.findClasses(n.Classes)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// segment runs one picture.
func (n *network) segment(ctx context.Context, p *imageio.Picture, maxSide int) (*imageio.Mask, imageio.Fit, error) {
	fit := imageio.NewFit(p.Width(), p.Height(), n.Width, n.Height, maxSide)
	fit.Aligned = n.Aligned
	out, err := n.Run(ctx, p.Tensor(fit))
	if err != nil {
		return nil, fit, err
	}
	if out.DType.IsFloat() && len(out.Shape) == 4 && out.Shape[1] != n.classes.Len() {
		if err := n.findClasses(out.Shape[1]); err != nil {
			return nil, fit, err
		}
	}
	m, err := fit.Labels(out, n.threads)
	return m, fit, err
}

func (n *network) close() { n.Session.Close() }
