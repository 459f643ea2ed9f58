package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"autodeeplab/compile"
	"autodeeplab/compile/precision"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/imageio"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// precisionFlags say in which numbers a network is to compute.
type precisionFlags struct {
	precision, calibration, method, report string
	pictures                               int
	percentile, threshold                  float64
	keep                                   []string
	symmetric                              bool
}

// defaultCalibrationPictures is how many pictures of a folder ranges are measured on.
const defaultCalibrationPictures = 32

// calibrationSide is the longest side of a picture for a network with dynamic sizes.
const calibrationSide = 513

func (p *precisionFlags) add(cmd *cobra.Command, f *pflag.FlagSet) {
	f.StringVar(&p.precision, "precision", "", "numbers to compute in: fp32, fp16, or int8 (QDQ form, opset 13 or newer)")
	f.StringVar(&p.calibration, "calibration", "", "a picture or a folder of pictures to measure the network's values on; int8 needs it")
	f.IntVar(&p.pictures, "calibration-images", defaultCalibrationPictures, "use this many of a folder's pictures, evenly spread")
	f.StringVar(&p.method, "calibration-method", "", "ranges of int8: minmax, percentile or entropy (default minmax)")
	f.Float64Var(&p.percentile, "calibration-percentile", 0, fmt.Sprintf("share of the numbers that percentile keeps (default %g)", precision.DefaultPercentile))
	f.Float64Var(&p.threshold, "int8-threshold", 0, "layers with a larger relative error alone stay float; 0 for none")
	f.BoolVar(&p.symmetric, "int8-symmetric", false, "int8 with zero points of 0 and float biases, as TensorRT wants it")
	f.StringVar(&p.report, "int8-report", "", "write the errors of the layers to this CSV file")
	f.StringSliceVar(&p.keep, "keep-float", nil, "nodes that stay float, by name or by what their names begin with up to a slash")
	nameArguments(f, "precision", "KIND", "calibration", "PATH", "calibration-images", "N", "calibration-method", "METHOD",
		"calibration-percentile", "P", "int8-threshold", "E", "int8-report", "FILE.csv", "keep-float", "LIST")
	completeWith(cmd, "precision", []string{"fp32", "fp16", "int8"})
	completeWith(cmd, "calibration-method", []string{"minmax", "percentile", "entropy"})
}

// options turns the flags into the package's; pictures are listed, not read.
func (p *precisionFlags) options(cmd *cobra.Command, form compile.Form, d compile.DeployOptions, threads int) (o precision.Options, files []string, err error) {
	o = precision.Options{Percentile: p.percentile, Threshold: p.threshold, Keep: p.keep, Symmetric: p.symmetric, Threads: threads}
	if o.Kind, err = precision.ParseKind(p.precision); err != nil {
		return o, nil, err
	}
	if o.Method, err = precision.ParseMethod(p.method); err != nil {
		return o, nil, err
	}
	switch {
	case p.method != "" && o.Kind != precision.Int8:
		return o, nil, usagef("--calibration-method %s: it needs --precision int8", p.method)
	case p.report != "" && o.Kind != precision.Int8:
		return o, nil, usagef("--int8-report: it needs --precision int8")
	case cmd.Flags().Changed("calibration-images") && p.calibration == "":
		return o, nil, usagef("--calibration-images: it needs --calibration")
	case p.pictures < 1:
		return o, nil, usagef("--calibration-images %d: want 1 or more", p.pictures)
	case o.Kind != precision.Float32 && form == compile.TrainingForm:
		return o, nil, usagef("a training form is float32: --precision %s needs --form inference", o.Kind)
	case o.Kind == precision.Int8 && d.Opset != 0 && d.Opset < 13:
		return o, nil, usagef("--opset %d has no DequantizeLinear by channel: --precision int8 needs 13 or newer", d.Opset)
	}
	if p.calibration != "" {
		if files, err = pictureFiles(p.calibration, p.pictures); err != nil {
			return o, nil, fmt.Errorf("--calibration: %w", err)
		}
		o.Pictures = calibrationPictures{files: files}
	}
	return o, files, o.Check()
}

// pictureFiles lists a picture, or at most n pictures of a folder, evenly spread.
func pictureFiles(path string, n int) ([]string, error) {
	info, err := stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	paths, err := picturesIn(path, "", false)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no pictures in this folder", path)
	}
	if have := len(paths); have > n {
		spread := make([]string, n)
		for i := range spread {
			spread[i] = paths[i*have/n]
		}
		paths = spread
	}
	return paths, nil
}

// convert gives a network the precision that the flags ask for, and prints what it did.
func (p *precisionFlags) convert(ctx context.Context, a *app, m *onnx.Model, o precision.Options, files []string) (*onnx.Model, error) {
	if o.Kind == precision.Float32 {
		return m, nil
	}
	if len(files) > 0 {
		views, err := newCalibrationPictures(m, files, a.limits.Pixels())
		if err != nil {
			return nil, fmt.Errorf("--calibration: %w", err)
		}
		o.Pictures = views
	}
	out, r, err := precision.Convert(ctx, m, o)
	if err != nil {
		return nil, err
	}
	if p.report != "" {
		if err := atomicfile.Write(p.report, func(w io.Writer) error { return precision.WriteLayers(w, r.Layers) }); err != nil {
			return nil, err
		}
	}
	p.print(a, r)
	return out, nil
}

func pictures(n int) string {
	if n == 1 {
		return "1 picture"
	}
	return fmt.Sprintf("%d pictures", n)
}

// worstLayers is how many layers are printed, those with the largest errors.
const worstLayers = 10

func (p *precisionFlags) print(a *app, r *precision.Report) {
	a.printf("%s: %d of %d nodes", r.Precision, r.Nodes, r.All)
	switch {
	case r.Method == "percentile":
		a.printf(", ranges by percentile %g of %s\n", r.Percentile, pictures(r.Pictures))
	case r.Method != "":
		a.printf(", ranges by %s of %s\n", r.Method, pictures(r.Pictures))
	case r.Pictures == 0:
		a.printf("; no --calibration: what float16 holds was measured on made-up pictures, with a wide margin\n")
	default:
		a.printf(", measured on %s\n", pictures(r.Pictures))
	}
	if g := r.Agreement; g != nil {
		a.printf("beside float, on %s:", pictures(g.Pictures))
		if !math.IsNaN(g.Labels) {
			a.printf(" %.3f %% of the labels are the same", 100*g.Labels)
		}
		if !math.IsNaN(g.Error) {
			a.printf("; the relative error of the output is %.2g", g.Error)
		}
		a.printf("\n")
	}
	if len(r.Float) > 0 {
		a.printf("float stay:\n")
		for _, k := range r.Float {
			a.printf("  %-44s %-18s %s\n", onnx.Printable(k.Node), k.Op, k.Reason)
		}
	}
	layers := precision.Worst(r.Layers, worstLayers)
	if len(layers) > 0 {
		a.printf("the largest errors of a layer alone, of %d (--int8-report writes all):\n", len(r.Layers))
		for _, l := range layers {
			a.printf("  %-44s %-18s %6.2f %%  %5.1f dB\n", onnx.Printable(l.Node), l.Op, 100*l.Error, l.SQNR())
		}
	}
}

// calibrationPictures reads pictures as a model wants them: fitted into its input as run does it.
type calibrationPictures struct {
	files         []string
	pixels        int // of the largest that is read
	height, width int // 0 where dynamic
	batch         int
	bytes         bool
}

// newCalibrationPictures reads the model's input, which Deploy has seen to be pictures.
func newCalibrationPictures(m *onnx.Model, files []string, pixels int) (calibrationPictures, error) {
	in := m.GetGraph().GetInput()[0].GetType().GetTensorType()
	dims := in.GetShape().GetDim()
	c := calibrationPictures{files: files, pixels: pixels, batch: max(1, int(dims[0].GetDimValue())), bytes: tensor.DType(in.GetElemType()) == tensor.Uint8}
	channels, height := 1, 2
	if c.bytes {
		channels, height = 3, 1
	}
	if n := dims[channels].GetDimValue(); n != 0 && n != 3 {
		return c, fmt.Errorf("the model's input has %d channels, pictures have 3", n)
	}
	c.height, c.width = int(dims[height].GetDimValue()), int(dims[height+1].GetDimValue())
	return c, nil
}

func (c calibrationPictures) Len() int { return len(c.files) }

// At repeats the picture where the model takes several at a time.
func (c calibrationPictures) At(i int) (*tensor.Tensor, error) {
	p, err := imageio.ReadFile(c.files[i], c.pixels)
	if err != nil {
		return nil, err
	}
	t := p.Tensor(imageio.NewFit(p.Width(), p.Height(), c.width, c.height, calibrationSide))
	if c.bytes {
		t = bytesOf(t)
	}
	return batchOf(t, c.batch), nil
}

// bytesOf gives [1,H,W,3] bytes of [1,3,H,W] floats.
func bytesOf(t *tensor.Tensor) *tensor.Tensor {
	from, h, w := tensor.Data[float32](t), t.Shape[2], t.Shape[3]
	to := make([]uint8, len(from))
	for c := range 3 {
		for i, v := range from[c*h*w:][:h*w] {
			to[3*i+c] = uint8(v + 0.5)
		}
	}
	return tensor.Of(to, 1, h, w, 3)
}

// batchOf gives a batch of n copies.
func batchOf(t *tensor.Tensor, n int) *tensor.Tensor {
	if n == 1 {
		return t
	}
	shape := append([]int{n}, t.Shape[1:]...)
	if t.DType == tensor.Uint8 {
		return tensor.Of(bytes.Repeat(tensor.Data[uint8](t), n), shape...)
	}
	var data []float32
	for range n {
		data = append(data, tensor.Data[float32](t)...)
	}
	return tensor.Of(data, shape...)
}
