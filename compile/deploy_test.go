package compile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// small is a training form with statistics under which activations stay alive.
func small(t *testing.T, filters, classes, h, w int) *onnx.Model {
	t.Helper()
	m := mustCompile(t, compile.Options{
		Filters: filters, Classes: classes, Height: h, Width: w, Batch: 1, Seed: 3, Dataset: "lake", Palette: make([]color.RGBA, classes),
	})
	referenceStatistics(t, m)
	return m
}

// picture gives the same pseudo-random RGB picture as float NCHW and as bytes NHWC.
func picture(n, h, w int) (float, bytes *tensor.Tensor) {
	f, b := make([]float32, n*3*h*w), make([]uint8, n*h*w*3)
	for i := range n {
		for y := range h {
			for x := range w {
				for c := range 3 {
					v := uint8((i*31 + c*53 + y*7 + x*11 + (x*y)%97) % 256)
					f[((i*3+c)*h+y)*w+x] = float32(v)
					b[((i*h+y)*w+x)*3+c] = v
				}
			}
		}
	}
	return tensor.Of(f, n, 3, h, w), tensor.Of(b, n, h, w, 3)
}

func runOn(t testing.TB, e runtime.Engine, m *onnx.Model, image *tensor.Tensor) *tensor.Tensor {
	t.Helper()
	s, err := e.LoadModel(m, runtime.Options{})
	if err != nil {
		t.Fatalf("%s: %v", e.Name(), err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*tensor.Tensor{m.Graph.Input[0].Name: image})
	if err != nil {
		t.Fatalf("%s: %v", e.Name(), err)
	}
	return out[m.Graph.Output[0].Name]
}

func mustDeploy(t testing.TB, m *onnx.Model, o compile.DeployOptions) *onnx.Model {
	t.Helper()
	d, err := compile.Deploy(m, o)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	return d
}

// planes is a [N,C,H,W] tensor in float64, for the expected values, which are computed here and nowhere else.
type planes struct {
	n, c, h, w int
	v          []float64
}

func planesOf(x *tensor.Tensor) planes {
	p := planes{n: x.Shape[0], c: x.Shape[1], h: x.Shape[2], w: x.Shape[3]}
	for _, v := range tensor.Data[float32](x) {
		p.v = append(p.v, float64(v))
	}
	return p
}

// resized is a bilinear resize with aligned corners.
func (p planes) resized(h, w int) planes {
	out := planes{n: p.n, c: p.c, h: h, w: w}
	at := func(i, to, from int) (int, int, float64) {
		x := float64(i) * float64(from-1) / float64(to-1)
		low := min(int(x), from-1)
		return low, min(low+1, from-1), x - float64(low)
	}
	for k := range p.n * p.c {
		m := p.v[k*p.h*p.w:]
		for y := range h {
			y0, y1, fy := at(y, h, p.h)
			for x := range w {
				x0, x1, fx := at(x, w, p.w)
				out.v = append(out.v, (m[y0*p.w+x0]*(1-fx)+m[y0*p.w+x1]*fx)*(1-fy)+(m[y1*p.w+x0]*(1-fx)+m[y1*p.w+x1]*fx)*fy)
			}
		}
	}
	return out
}

func (p planes) mirrored() planes {
	out := p
	out.v = nil
	for row := range p.n * p.c * p.h {
		r := slices.Clone(p.v[row*p.w : (row+1)*p.w])
		slices.Reverse(r)
		out.v = append(out.v, r...)
	}
	return out
}

func (p planes) tensor() *tensor.Tensor {
	data := make([]float32, len(p.v))
	for i, v := range p.v {
		data[i] = float32(v)
	}
	return tensor.Of(data, p.n, p.c, p.h, p.w)
}

// softmax is over the channels.
func (p planes) softmax() planes {
	out := p
	out.v = make([]float64, len(p.v))
	area := p.h * p.w
	for i := range p.n {
		for k := range area {
			sum := 0.0
			for c := range p.c {
				sum += math.Exp(p.v[(i*p.c+c)*area+k])
			}
			for c := range p.c {
				out.v[(i*p.c+c)*area+k] = math.Exp(p.v[(i*p.c+c)*area+k]) / sum
			}
		}
	}
	return out
}

// labels are the arg-max over the channels, and by how much the largest score leads.
func (p planes) labels() (labels []int, lead []float64) {
	area := p.h * p.w
	for i := range p.n {
		for k := range area {
			best, second := 0, math.Inf(-1)
			score := func(c int) float64 { return p.v[(i*p.c+c)*area+k] }
			for c := 1; c < p.c; c++ {
				if score(c) > score(best) {
					best, second = c, score(best)
				} else {
					second = max(second, score(c))
				}
			}
			labels, lead = append(labels, best), append(lead, score(best)-second)
		}
	}
	return labels, lead
}

func (p planes) spread() float64 { return slices.Max(p.v) - slices.Min(p.v) }

// agree compares an output with what is expected: values to 1e-5 of their range, labels wherever the lead is more.
func agree(t testing.TB, name string, got *tensor.Tensor, want planes) {
	t.Helper()
	if got.DType == tensor.Float32 {
		if !slices.Equal(got.Shape, []int{want.n, want.c, want.h, want.w}) {
			t.Errorf("%s: %s, want %d×%d×%d×%d", name, got, want.n, want.c, want.h, want.w)
			return
		}
		worst, spread := 0.0, want.spread()
		for i, v := range tensor.Data[float32](got) {
			worst = max(worst, math.Abs(float64(v)-want.v[i])/spread)
		}
		if !(worst < 1e-5) {
			t.Errorf("%s: %.1e of the range %.3g apart", name, worst, spread)
		}
		return
	}
	labels, lead := want.labels()
	have, err := got.Ints()
	if err != nil || !slices.Equal(got.Shape, []int{want.n, want.h, want.w}) {
		t.Errorf("%s: %s (%v), want %d×%d×%d", name, got, err, want.n, want.h, want.w)
		return
	}
	wrong, unclear, distinct, spread := 0, 0, make(map[int]bool), want.spread()
	for i, l := range labels {
		distinct[l] = true
		if lead[i] < 1e-5*spread {
			unclear++
		} else if have[i] != l {
			wrong++
		}
	}
	if wrong > 0 || unclear > len(labels)/100 || len(distinct) < 2 {
		t.Errorf("%s: %d of %d labels are wrong, %d unclear, %d distinct", name, wrong, len(labels), unclear, len(distinct))
	}
}

// scoresOf gives a network's logits, and those of stride 4 before its last resize.
func scoresOf(t testing.TB, m *onnx.Model, image *tensor.Tensor) (full, stride4 planes) {
	t.Helper()
	m = pass.Copy(m)
	last := m.Graph.Node[len(m.Graph.Node)-1]
	if last.OpType != "Resize" {
		t.Fatal(last)
	}
	m.Graph.Output = append(m.Graph.Output, onnx.NewValueInfo(last.Input[0], tensor.Float32, nil))
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"image": image})
	if err != nil {
		t.Fatal(err)
	}
	return planesOf(out["logits"]), planesOf(out[last.Input[0]])
}

// averaged computes multi-scale inference from single runs of a training form that takes any size.
func averaged(t testing.TB, dynamic *onnx.Model, image *tensor.Tensor, scales []float64, flip bool, h, w int) planes {
	var sum planes
	views := 0.0
	for _, s := range scales {
		for _, mirror := range []bool{false, true}[:map[bool]int{false: 1, true: 2}[flip]] {
			p := planesOf(image)
			if s != 1 {
				p = p.resized(int(float64(p.h-1)*s+1), int(float64(p.w-1)*s+1))
			}
			if mirror {
				p = p.mirrored()
			}
			_, low := scoresOf(t, dynamic, p.tensor())
			if mirror {
				low = low.mirrored()
			}
			q := low.resized(h, w).softmax()
			views++
			if sum.v == nil {
				sum = q
				continue
			}
			for i, v := range q.v {
				sum.v[i] += v
			}
		}
	}
	for i := range sum.v {
		sum.v[i] /= views
	}
	return sum
}

// TestDeployForms runs every form in the embedded runtime and compares with what the training form's logits give.
func TestDeployForms(t *testing.T) {
	// The published cell on a short path, which goes down twice and up once.
	short := &decode.Architecture{Name: "short", Cell: decode.Published().Cell, Path: []int{0, 1, 2, 1}}
	training := must(compile.Compile(short, compile.Options{Filters: 3, Classes: 4, Height: 65, Width: 97, Batch: 1, Seed: 1}))
	referenceStatistics(t, training)
	inference := must(compile.Inference(training))
	// The same network for any size.
	dynamic := must(compile.Compile(short, compile.Options{Filters: 3, Classes: 4, Weights: must(compile.Weights(training))}))
	float, bytes := picture(1, 65, 97)
	full, low := scoresOf(t, training, float)
	views := averaged(t, dynamic, float, []float64{0.75, 1, 1.5}, true, 65, 97)
	viewsLow := averaged(t, dynamic, float, []float64{0.75, 1, 1.5}, true, 17, 25)
	flipped := averaged(t, dynamic, float, []float64{1}, true, 65, 97)
	other, _ := picture(2, 70, 81)
	full2, low2 := scoresOf(t, dynamic, other)

	ms := []float64{0.75, 1, 1.5}
	for i, test := range []struct {
		o     compile.DeployOptions
		image *tensor.Tensor
		want  planes
	}{
		{compile.DeployOptions{}, float, full},
		{compile.DeployOptions{Passes: compile.PassOptions{With: []string{"integer-resize"}}}, float, full},
		{compile.DeployOptions{Input: compile.InputFloat, Output: compile.OutputLogits, OutputStride: 1}, float, full},
		{compile.DeployOptions{Passes: compile.PassOptions{With: []string{"upsampled-conv"}}}, float, full},
		{compile.DeployOptions{Input: compile.InputUint8}, bytes, full},
		{compile.DeployOptions{Output: compile.OutputProbabilities}, float, full.softmax()},
		{compile.DeployOptions{Output: compile.OutputLabels}, float, full},
		{compile.DeployOptions{Output: compile.OutputLabels, Passes: compile.PassOptions{With: []string{"channels-last-labels"}}}, float, full},
		{compile.DeployOptions{Output: compile.OutputLabels, Batch: compile.DynamicAxis, Height: compile.DynamicAxis, Passes: compile.PassOptions{With: []string{"channels-last-labels"}}}, float, full},
		{compile.DeployOptions{Output: compile.OutputLabels, LabelType: tensor.Int32, OutputStride: 4, Input: compile.InputUint8}, bytes, low},
		{compile.DeployOptions{Output: compile.OutputLabels, LabelType: tensor.Int64}, float, full},
		{compile.DeployOptions{OutputStride: 4}, float, low},
		{compile.DeployOptions{Output: compile.OutputProbabilities, OutputStride: 4}, float, low.softmax()},
		{compile.DeployOptions{Height: compile.DynamicAxis, Width: compile.DynamicAxis}, float, full},
		{compile.DeployOptions{Batch: compile.DynamicAxis, Height: compile.DynamicAxis, Width: compile.DynamicAxis, Output: compile.OutputLabels}, other, full2},
		{compile.DeployOptions{Batch: compile.DynamicAxis, Height: 70, Width: compile.DynamicAxis, OutputStride: 4}, other, low2},
		{compile.DeployOptions{Batch: 2, Height: 70, Width: 81, Output: compile.OutputProbabilities}, other, full2.softmax()},
		{compile.DeployOptions{Flip: true, Output: compile.OutputProbabilities}, float, flipped},
		{compile.DeployOptions{Scales: ms, Flip: true, Output: compile.OutputProbabilities}, float, views},
		{compile.DeployOptions{Scales: ms, Flip: true, Output: compile.OutputLabels, Input: compile.InputUint8, Height: compile.DynamicAxis, Width: compile.DynamicAxis, Batch: compile.DynamicAxis}, bytes, views},
		{compile.DeployOptions{Scales: ms, Flip: true, Output: compile.OutputProbabilities, OutputStride: 4}, float, viewsLow},
		{compile.DeployOptions{Scales: ms, Flip: true, Output: compile.OutputLabels, OutputStride: 4, Height: compile.DynamicAxis}, float, viewsLow},
	} {
		for _, opset := range []int{0, []int{11, 26}[i%2]} {
			if testing.Short() && (opset != 0 || i%3 != 0) {
				continue
			}
			if opset != 0 && len(test.o.Scales) > 0 && test.o.OutputStride == 0 { // the largest graphs; once will do
				continue
			}
			test.o.Opset = opset
			test.o.Passes.Check = opset != 0
			name := fmt.Sprintf("%+v", test.o)
			from := training
			if opset == 11 {
				from = inference
			}
			m := mustDeploy(t, from, test.o)
			if f := check.Model(m, check.Options{}); len(f) > 0 {
				t.Errorf("%s: %v", name, f[0])
			}
			if want := map[int]int64{0: 8, 11: 6, 26: 13}[opset]; m.IrVersion != want {
				t.Errorf("%s: IR %d, want %d", name, m.IrVersion, want)
			}
			agree(t, name, runOn(t, runtime.Embedded, m, test.image), test.want)
		}
	}
}

// TestDeployAgain deploys what was deployed before: what can be added to it is, and what cannot is refused.
func TestDeployAgain(t *testing.T) {
	training := small(t, 2, 3, 65, 65)
	float, bytes := picture(1, 65, 65)
	full, low := scoresOf(t, training, float)
	deploy := func(o ...compile.DeployOptions) *onnx.Model {
		m := training
		for _, o := range o {
			m = mustDeploy(t, m, o)
		}
		return m
	}
	dynamic := compile.DeployOptions{Height: compile.DynamicAxis, Width: compile.DynamicAxis, Batch: compile.DynamicAxis}
	agree(t, "logits, then labels", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{}, compile.DeployOptions{Output: compile.OutputLabels}), float), full)
	agree(t, "labels, then bytes", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{Output: compile.OutputLabels}, compile.DeployOptions{Input: compile.InputUint8}), bytes), full)
	agree(t, "probabilities, then labels of opset 13", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{Output: compile.OutputProbabilities}, compile.DeployOptions{Output: compile.OutputLabels, Opset: 13}), float), full)
	agree(t, "dynamic, then fixed", runOn(t, runtime.Embedded, deploy(dynamic, compile.DeployOptions{Height: 65, Width: 65, Batch: 1}), float), full)
	agree(t, "bytes and labels, then int64 and opset 11", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{Input: compile.InputUint8, Output: compile.OutputLabels}, compile.DeployOptions{LabelType: tensor.Int64, Opset: 11}), bytes), full)
	agree(t, "stride 4, then probabilities", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{OutputStride: 4}, compile.DeployOptions{Output: compile.OutputProbabilities}), float), low.softmax())
	agree(t, "dynamic, then flipped", runOn(t, runtime.Embedded, deploy(dynamic, compile.DeployOptions{Flip: true, Output: compile.OutputProbabilities}), float), averaged(t, training, float, []float64{1}, true, 65, 65))

	// Other sizes, scales and opsets of a deployed model: it is lowered anew.
	larger, largerBytes := picture(2, 70, 81)
	dynamicForm := must(compile.Training(training, dynamic))
	full2, _ := scoresOf(t, dynamicForm, larger)
	wide := compile.DeployOptions{Height: 70, Width: 81, Batch: 2}
	agree(t, "fixed, then another size", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{}, wide), larger), full2)
	agree(t, "bytes and labels, then dynamic and opset 12", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{Input: compile.InputUint8, Output: compile.OutputLabels, LabelType: tensor.Int32}, dynamic, compile.DeployOptions{Opset: 12}), largerBytes), full2)
	agree(t, "probabilities, then opset 11", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{Output: compile.OutputProbabilities}, compile.DeployOptions{Opset: 11}), float), full.softmax())
	with := compile.PassOptions{With: []string{"channels-last-labels"}, Skip: []string{"pooled-bias"}}
	agree(t, "other passes, then another size", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{Output: compile.OutputLabels, Passes: with}, wide), larger), full2)
	agree(t, "logits, then labels, then another size", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{}, compile.DeployOptions{Output: compile.OutputLabels}, wide), larger), full2)
	agree(t, "fixed, then scales", runOn(t, runtime.Embedded, deploy(compile.DeployOptions{}, compile.DeployOptions{Scales: []float64{0.75, 1.5}, Output: compile.OutputProbabilities}), float),
		averaged(t, dynamicForm, float, []float64{0.75, 1.5}, false, 65, 65))
	if d := must(compile.ReadDeployed(onnx.Metadata(deploy(compile.DeployOptions{}, wide, dynamic)))); d.Sizes.Height != (compile.Range{Min: 33, Max: 1 << 16}) || d.Sizes.Batch.Max < 2 {
		t.Errorf("%+v", d.Sizes)
	}

	twice := deploy(compile.DeployOptions{}, compile.DeployOptions{})
	if a, b := must(onnx.Marshal(deploy(compile.DeployOptions{}))), must(onnx.Marshal(twice)); !slices.Equal(a, b) {
		t.Error("deploying again with nothing asked for changes the model")
	}
	meta := onnx.Metadata(deploy(compile.DeployOptions{Input: compile.InputUint8, ClassNames: []string{"a", "b", "c"}}, compile.DeployOptions{Output: compile.OutputLabels, Dataset: "sea"}))
	for key, want := range map[string]string{
		compile.KeyDataset: "sea", compile.KeyClassNames: `["a","b","c"]`, compile.KeyPalette: `["#000000","#000000","#000000"]`, compile.KeyInput: compile.InputConventionUint8,
		compile.KeyOutput: "labels", compile.KeyOutputStride: "1", compile.KeyProducer: "autodeeplab " + compile.Version, compile.KeyMean: "[127.5]", compile.KeyFilters: "2", compile.KeyClasses: "3",
		compile.KeySizes: `{"batch":{"min":1,"max":1},"height":{"min":65,"max":65},"width":{"min":65,"max":65}}`, compile.KeySeed: "3", compile.KeyForm: "inference",
	} {
		if meta[key] != want {
			t.Errorf("metadata %s is %q, want %q", key, meta[key], want)
		}
	}
	if a, err := decode.Unmarshal([]byte(meta[compile.KeyArchitecture])); err != nil || !a.Equal(decode.Published()) {
		t.Error(a, err)
	}
	var scale []float64
	if err := json.Unmarshal([]byte(meta[compile.KeyScale]), &scale); err != nil || len(scale) != 1 || math.Abs(scale[0]*255-2) > 1e-12 {
		t.Error(scale, err)
	}
}

// TestDeployErrors holds that a wrong combination is refused with the reason and the flag.
func TestDeployErrors(t *testing.T) {
	training := small(t, 1, 3, 65, 65)
	wide := mustCompile(t, compile.Options{Filters: 1, Classes: 300, Height: 65, Width: 65, Batch: 1})
	labels := mustDeploy(t, training, compile.DeployOptions{Output: compile.OutputLabels})
	bytes := mustDeploy(t, training, compile.DeployOptions{Input: compile.InputUint8})
	low := mustDeploy(t, training, compile.DeployOptions{OutputStride: 4})
	probabilities := mustDeploy(t, training, compile.DeployOptions{Output: compile.OutputProbabilities})
	views := mustDeploy(t, training, compile.DeployOptions{Output: compile.OutputLabels, Flip: true})
	forged := pass.Copy(labels)
	onnx.SetMetadata(forged, compile.KeyFilters, "2")
	edited := pass.Copy(training)
	edited.Graph.Node[5].Name += "x"
	for _, test := range []struct {
		m    *onnx.Model
		o    compile.DeployOptions
		want string
	}{
		{training, compile.DeployOptions{Input: 7}, "want float or uint8 (--input)"},
		{training, compile.DeployOptions{Output: 9}, "want logits, probabilities or labels (--output)"},
		{training, compile.DeployOptions{Output: compile.OutputLabels, LabelType: tensor.Float32}, "want uint8, int32 or int64 (--label-type)"},
		{training, compile.DeployOptions{LabelType: tensor.Int32}, "logits are float: --label-type needs --output labels"},
		{training, compile.DeployOptions{Output: compile.OutputLogits, LabelType: tensor.Int32}, "--output labels"},
		{wide, compile.DeployOptions{Output: compile.OutputLabels, LabelType: tensor.Uint8}, "300 classes do not fit labels of type uint8"},
		{training, compile.DeployOptions{OutputStride: 8}, "want 1 or 4 (--output-stride)"},
		{training, compile.DeployOptions{Height: 32}, "input height 32, want 33 to 65536 for this path of resolutions"},
		{training, compile.DeployOptions{Width: 1 << 40}, "(--input-size)"},
		{training, compile.DeployOptions{Batch: -5}, "(--batch)"},
		{training, compile.DeployOptions{Opset: 10}, "want 11 to 26 (--opset)"},
		{training, compile.DeployOptions{Scales: []float64{0.5}, Flip: true}, "--output probabilities or labels"},
		{training, compile.DeployOptions{Scales: []float64{0.5}, Output: compile.OutputLogits}, "--output probabilities or labels"},
		{training, compile.DeployOptions{Scales: []float64{0.4}, Output: compile.OutputLabels}, "at scale 0.4 (--multi-scale): cannot compile: input height 26, want 33"},
		{training, compile.DeployOptions{Scales: []float64{0.333}, Output: compile.OutputLabels}, "multiples of 0.01 from 0.1 to 4 (--multi-scale)"},
		{training, compile.DeployOptions{Scales: make([]float64, 17), Output: compile.OutputLabels}, "--multi-scale"},
		{training, compile.DeployOptions{Scales: slices.Repeat([]float64{1}, 17), Output: compile.OutputLabels}, "17 scales, want at most 16"},
		{training, compile.DeployOptions{Mean: []float64{1}}, "has its normalisation inside (--mean, --std)"},
		{training, compile.DeployOptions{Std: []float64{1, 0, 2}}, "want more than 0 (--std)"},
		{training, compile.DeployOptions{Mean: []float64{1, 2}}, "want 1 or 3 (--mean, --std)"},
		{training, compile.DeployOptions{ClassNames: []string{"a"}}, "1 class names for 3 classes"},
		{training, compile.DeployOptions{Palette: make([]color.RGBA, 2)}, "2 colours for 3 classes"},
		{training, compile.DeployOptions{Passes: compile.PassOptions{Skip: []string{"nothing"}}}, `there is no pass "nothing", want one of fold-batchnorm, `},
		{training, compile.DeployOptions{Passes: compile.PassOptions{Skip: []string{"fold-batchnorm"}}}, "those that can be left out are fold-constants"},
		{training, compile.DeployOptions{Passes: compile.PassOptions{DumpAfter: []string{"integer-resize"}}}, "(--dump-after, --with-pass)"},
		{labels, compile.DeployOptions{Output: compile.OutputLogits}, "the model gives labels, of which no logits can be made (--output labels)"},
		{labels, compile.DeployOptions{Flip: true}, "averaging over views needs logits"},
		{labels, compile.DeployOptions{OutputStride: 4}, "needs a model that gives logits"},
		{views, compile.DeployOptions{Height: 97}, "fixed at 65 and cannot become 97: it averages over several views"},
		{forged, compile.DeployOptions{Height: 97}, "cannot become 97: its metadata do not fit: the weights do not fit: the model has no tensor "},
		{probabilities, compile.DeployOptions{Output: compile.OutputLogits}, "no logits can be made"},
		{views, compile.DeployOptions{Opset: 12}, "Softmax over axis 1 of 4 means something else across opset 13"},
		{bytes, compile.DeployOptions{Input: compile.InputFloat}, "the model takes uint8 pictures"},
		{bytes, compile.DeployOptions{Flip: true, Output: compile.OutputLabels}, "compile the scales from its float form"},
		{low, compile.DeployOptions{OutputStride: 1}, "not known to be of the input's size"},
		{edited, compile.DeployOptions{Height: 97}, "its graph is not what this version makes of its architecture"},
		{&onnx.Model{}, compile.DeployOptions{}, "no graph"},
	} {
		_, err := compile.Deploy(test.m, test.o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want one that says %q", test.o, err, test.want)
		} else if test.m.Graph != nil && !errors.Is(err, compile.ErrOptions) {
			t.Errorf("%v is no ErrOptions", err)
		}
	}
	for _, test := range []struct {
		o    compile.DeployOptions
		want string
	}{
		{compile.DeployOptions{Input: compile.InputUint8}, "a training form takes float pictures, not uint8: want --input float, or --form inference"},
		{compile.DeployOptions{Output: compile.OutputLabels}, "want --output logits, or --form inference"},
		{compile.DeployOptions{OutputStride: 4}, "--output-stride 1"},
		{compile.DeployOptions{Scales: []float64{1}}, "no --multi-scale"},
		{compile.DeployOptions{Flip: true}, "no --flip"},
		{compile.DeployOptions{Mean: []float64{1}}, "no --mean, --std"},
		{compile.DeployOptions{LabelType: tensor.Uint8}, "no --label-type"},
		{compile.DeployOptions{Passes: compile.PassOptions{With: []string{"x"}}}, "--with-pass"},
		{compile.DeployOptions{Passes: compile.PassOptions{DumpAfter: []string{"x"}}}, "--dump-after"},
	} {
		if err := test.o.Check(compile.TrainingForm); !errors.Is(err, compile.ErrOptions) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want one that says %q", test.o, err, test.want)
		}
		if err := test.o.Check(compile.InferenceForm); err != nil {
			t.Error(err)
		}
	}
	plain := compile.DeployOptions{Height: 65, Opset: 12, Output: compile.OutputLogits, OutputStride: 1, Input: compile.InputFloat}
	if err := plain.Check(compile.TrainingForm); err != nil {
		t.Error(err)
	}
}

// TestTraining gives a training form other sizes and metadata, and keeps weights and what else the metadata say.
func TestTraining(t *testing.T) {
	m := small(t, 2, 3, 65, 65)
	onnx.SetMetadata(m, "author", "someone")
	got := must(compile.Training(m, compile.DeployOptions{Height: 97, Width: compile.DynamicAxis, Batch: 2, Opset: 18, Dataset: "sea", ClassNames: []string{"a", "b", "c"}}))
	info := must(check.Declared(got.Graph.Input[0]))
	if info.String() != "float[2,3,97,width]" || onnx.Opset(got) != 18 {
		t.Errorf("%s, opset %d", &info, onnx.Opset(got))
	}
	was, is := must(compile.Weights(m)), must(compile.Weights(got))
	for name, w := range was {
		if is[name] == nil || !slices.Equal(tensor.Data[float32](is[name]), tensor.Data[float32](w)) {
			t.Errorf("%s is another one", name)
		}
	}
	meta := onnx.Metadata(got)
	for key, want := range map[string]string{
		"author": "someone", compile.KeySeed: "3", compile.KeyDataset: "sea", compile.KeyClassNames: `["a","b","c"]`,
		compile.KeyPalette: `["#000000","#000000","#000000"]`, compile.KeyForm: "training",
	} {
		if meta[key] != want {
			t.Errorf("metadata %s is %q, want %q", key, meta[key], want)
		}
	}
	for _, test := range []struct {
		m    *onnx.Model
		o    compile.DeployOptions
		want string
	}{
		{m, compile.DeployOptions{Output: compile.OutputLabels}, "want --output logits, or --form inference"},
		{m, compile.DeployOptions{Height: 20}, "--input-size"},
		{m, compile.DeployOptions{ClassNames: []string{"a"}}, "1 class names for 3 classes"},
		{must(compile.Inference(m)), compile.DeployOptions{}, `the model is of form "inference", want a training form`},
	} {
		if _, err := compile.Training(test.m, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want one that says %q", test.o, err, test.want)
		}
	}
}

func ExampleDeploy() {
	network, err := compile.Compile(decode.Published(), compile.Options{Filters: 20, Classes: 19, Height: 513, Width: 513, Batch: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := compile.Deploy(network, compile.DeployOptions{
		Input: compile.InputUint8, Output: compile.OutputLabels, Height: compile.DynamicAxis, Width: compile.DynamicAxis,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := check.Infer(m, check.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Values["image"], "to", r.Values["labels"])
	fmt.Println(onnx.Metadata(m)[compile.KeySizes])
	// Output:
	// uint8[1,height,width,3] to uint8[1,height,width]
	// {"batch":{"min":1,"max":1},"height":{"min":33,"max":65536},"width":{"min":33,"max":65536}}
}

func TestReadDeployed(t *testing.T) {
	m := mustDeploy(t, small(t, 1, 3, 65, 65), compile.DeployOptions{
		Input: compile.InputUint8, Output: compile.OutputLabels, OutputStride: 4, Scales: []float64{0.75, 1}, Flip: true, Width: compile.DynamicAxis,
	})
	d, err := compile.ReadDeployed(onnx.Metadata(m))
	if err != nil || d.Input != compile.InputUint8 || d.Output != compile.OutputLabels || d.OutputStride != 4 || d.Views == nil || !d.Views.Flip || !slices.Equal(d.Views.Scales, []float64{0.75, 1}) {
		t.Errorf("%+v, %v", d, err)
	}
	// 33 rows at scale 0.75 make 25; 44 are the fewest that make 33: ⌊43·3/4⌋+1.
	if d.Sizes.Height != (compile.Range{Min: 65, Max: 65}) || d.Sizes.Width != (compile.Range{Min: 44, Max: 65536}) {
		t.Errorf("%+v", d.Sizes)
	}
	if d, err := compile.ReadDeployed(map[string]string{compile.KeyInput: compile.InputConvention}); err != nil || d.Output != compile.OutputKept || d.Input != compile.InputFloat {
		t.Errorf("%+v, %v", d, err)
	}
	for key, value := range map[string]string{compile.KeyOutput: "poems", compile.KeyOutputStride: "3", compile.KeySizes: "{", compile.KeyViews: "[]", compile.KeyPasses: "{}"} {
		meta := onnx.Metadata(m)
		meta[key] = value
		if _, err := compile.ReadDeployed(meta); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s %q: %v", key, value, err)
		}
	}
}

// TestNames holds the names on the command line.
func TestNames(t *testing.T) {
	for _, o := range []compile.Output{compile.OutputKept, compile.OutputLogits, compile.OutputProbabilities, compile.OutputLabels} {
		if got, err := compile.ParseOutput(o.String()); err != nil || got != o {
			t.Error(o, got, err)
		}
	}
	for _, i := range []compile.Input{compile.InputKept, compile.InputFloat, compile.InputUint8} {
		if got, err := compile.ParseInput(i.String()); err != nil || got != i {
			t.Error(i, got, err)
		}
	}
	for _, d := range compile.LabelTypes {
		if got, err := compile.ParseLabelType(d.String()); err != nil || got != d {
			t.Error(d, got, err)
		}
	}
	_, err1 := compile.ParseOutput("argmax")
	_, err2 := compile.ParseInput("int8")
	_, err3 := compile.ParseLabelType("int8")
	for want, err := range map[string]error{"want logits, probabilities, labels (--output)": err1, "want float, uint8 (--input)": err2, "want uint8, int32 or int64 (--label-type)": err3} {
		if !errors.Is(err, compile.ErrOptions) || !strings.Contains(err.Error(), want) {
			t.Error(err)
		}
	}
}

// BenchmarkDeployL is all of "compile" for the largest network but the writing of the file.
func BenchmarkDeployL(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		m := mustCompile(b, compile.Options{Filters: 48, Classes: 19, Height: 1025, Width: 2049, Batch: 1})
		mustDeploy(b, m, compile.DeployOptions{Input: compile.InputUint8, Output: compile.OutputLabels})
	}
}
