package main

import (
	"context"
	"image"
	"slices"

	"golang.org/x/image/draw"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/internal/imageio"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// maxStatisticsPictures bounds how many pictures of a folder batch statistics are measured on: they go through the
// network in one batch, which must fit the memory.
const maxStatisticsPictures = 4

// statisticsSide is the input side for batch statistics of a network with dynamic sizes.
const statisticsSide = 513

// statisticsViews reads pictures, evenly spread over a folder, and makes four views of each: whole, its two halves, and
// mirrored, each a step darker. The image-pooling branch, whose map has a single pixel, takes its variance from how much
// the members of the batch differ: it is 0 for one picture, and where they hardly differ it amplifies rounding errors.
func statisticsViews(path string, height, width, pixels int) ([]*tensor.Tensor, error) {
	paths, err := pictureFiles(path, maxStatisticsPictures)
	if err != nil {
		return nil, err
	}
	var views []*tensor.Tensor
	for _, p := range paths {
		picture, err := imageio.ReadFile(p, pixels)
		if err != nil {
			return nil, err
		}
		views = append(views, viewsOf(picture, height, width)...)
	}
	return views, nil
}

func viewsOf(p *imageio.Picture, height, width int) []*tensor.Tensor {
	if height == 0 || width == 0 {
		height, width = statisticsSide, statisticsSide
	}
	r := p.RGBA.Rect
	middle := (r.Dx() + 1) / 2
	var views []*tensor.Tensor
	for _, part := range []image.Rectangle{r, image.Rect(0, 0, middle, r.Dy()), image.Rect(r.Dx()-middle, 0, r.Dx(), r.Dy())} {
		view := image.NewRGBA(image.Rect(0, 0, width, height))
		draw.BiLinear.Scale(view, view.Rect, p.RGBA, part, draw.Src, nil)
		scaled := &imageio.Picture{RGBA: view}
		views = append(views, scaled.Tensor(imageio.NewFit(width, height, width, height, 0)))
	}
	views = append(views, mirrored(views[0]))
	for k, v := range views {
		for i, x := range tensor.Data[float32](v) {
			tensor.Data[float32](v)[i] = x * float32(len(views)-k) / float32(len(views))
		}
	}
	return views
}

// mirrored swaps left and right.
func mirrored(t *tensor.Tensor) *tensor.Tensor {
	m := t.Clone()
	data, w := tensor.Data[float32](m), m.Shape[3]
	for at := 0; at < len(data); at += w {
		slices.Reverse(data[at : at+w])
	}
	return m
}

// fitStatistics measures the batch statistics of a training form over all views at once and writes them into it.
func fitStatistics(ctx context.Context, m *onnx.Model, arch *decode.Architecture, o compile.Options, views []*tensor.Tensor, threads int) error {
	shape := slices.Clone(views[0].Shape)
	shape[0] = len(views)
	var data []float32
	for _, v := range views {
		data = append(data, tensor.Data[float32](v)...)
	}
	o.Form, o.Batch, o.Height, o.Width = compile.TrainingForm, shape[0], shape[2], shape[3]
	batch, err := compile.Compile(arch, o)
	if err != nil {
		return err
	}
	measuring, err := compile.StatisticsModel(batch)
	if err != nil {
		return err
	}
	s, err := runtime.Embedded.LoadModel(measuring, runtime.Options{Threads: threads})
	if err != nil {
		return err
	}
	defer s.Close()
	out, err := s.Run(ctx, map[string]*tensor.Tensor{s.Inputs()[0].Name: tensor.Of(data, shape...)})
	if err != nil {
		return err
	}
	for _, v := range batch.GetGraph().GetOutput() {
		delete(out, v.GetName()) // the logits
	}
	return compile.SetStatistics(m, out)
}
