package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"autodeeplab/internal/option"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// fake is a network of one pointwise convolution, to test what is around networks. The moving averages are those of the
// input's channels, which nothing reads.
type fake struct {
	o       NetworkOptions
	w, b    *Parameter[float32]
	moments *Moments[float32]
	fail    func(r Random) (float64, error) // takes the place of a loss; may be nil
}

const fakeClasses = 3

func fakeModel(classes int, seed uint64) *onnx.Model {
	r := rand.New(rand.NewPCG(seed, 1))
	w := make([]float32, 3*classes)
	for i := range w {
		w[i] = r.Float32() - 0.5
	}
	m := &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: &onnx.Graph{
		Name:   "fake",
		Input:  []*onnx.ValueInfo{onnx.NewValueInfo("image", tensor.Float32, onnx.FixedDims(1, 3, 8, 12))},
		Output: []*onnx.ValueInfo{onnx.NewValueInfo("logits", tensor.Float32, onnx.FixedDims(1, classes, 8, 12))},
		Node: []*onnx.Node{
			onnx.NewNode("BatchNormalization", "bn", []string{"image", "scale", "shift", "mean", "variance"}, []string{"normal"}),
			onnx.NewNode("Conv", "conv", []string{"normal", "weight", "bias"}, []string{"logits"}),
		},
		Initializer: []*onnx.TensorPB{
			onnx.Encode("scale", tensor.Of([]float32{1, 1, 1}, 3)), onnx.Encode("shift", tensor.Of([]float32{0, 0, 0}, 3)),
			onnx.Encode("mean", tensor.Of([]float32{0, 0, 0}, 3)), onnx.Encode("variance", tensor.Of([]float32{1, 1, 1}, 3)),
			onnx.Encode("weight", tensor.Of(w, classes, 3, 1, 1)), onnx.Encode("bias", tensor.Of(make([]float32, classes), classes)),
		},
	}}
	onnx.SetMetadata(m, "autodeeplab.seed", fmt.Sprint(seed))
	onnx.SetMetadata(m, "kept", "yes")
	return m
}

func buildFake(m *onnx.Model, o NetworkOptions) (network, error) {
	all, err := initializers(m, "model")
	if err != nil {
		return nil, err
	}
	f := &fake{o: o}
	parameter := func(name string, decay bool) *Parameter[float32] {
		v := tensor.Data[float32](all[name])
		return &Parameter[float32]{Name: name, Shape: all[name].Shape, Value: append([]float32{}, v...), Gradient: make([]float32, len(v)), Decay: decay}
	}
	f.w, f.b = parameter("weight", true), parameter("bias", false)
	f.moments = &Moments[float32]{Node: "bn", MeanName: "mean", VarianceName: "variance", Mean: make([]float32, 3), Variance: []float32{1, 1, 1}}
	return f, nil
}

func (f *fake) Parameters() []*Parameter[float32] { return []*Parameter[float32]{f.w, f.b} }
func (f *fake) Moments() []*Moments[float32]      { return []*Moments[float32]{f.moments} }
func (f *fake) Close() error                      { return nil }

// Step is softmax regression.
func (f *fake) Step(image []float32, labels []uint8, r Random) (float64, error) {
	if f.fail != nil {
		return f.fail(r)
	}
	classes, plane := len(f.b.Value), f.o.Height*f.o.Width
	loss, counted := 0.0, 0.0
	gw, gb := make([]float64, 3*classes), make([]float64, classes)
	for i, label := range labels {
		if label == f.o.Ignore {
			continue
		}
		var x [3]float64
		for c := range x {
			x[c] = float64(image[(i/plane*3+c)*plane+i%plane])/127.5 - 1
		}
		logits, most := make([]float64, classes), math.Inf(-1)
		for k := range logits {
			logits[k] = float64(f.b.Value[k])
			for c := range x {
				logits[k] += x[c] * float64(f.w.Value[3*k+c])
			}
			most = max(most, logits[k])
		}
		sum := 0.0
		for k := range logits {
			logits[k] = math.Exp(logits[k] - most)
			sum += logits[k]
		}
		weight := 1.0
		if f.o.ClassWeights != nil {
			weight = f.o.ClassWeights[label]
		}
		loss -= weight * math.Log(logits[label]/sum)
		counted++
		for k := range logits {
			d := logits[k] / sum
			if k == int(label) {
				d--
			}
			gb[k] += weight * d
			for c := range x {
				gw[3*k+c] += weight * d * x[c]
			}
		}
	}
	counted = max(counted, 1)
	for i, g := range gw {
		f.w.Gradient[i] += float32(g / counted)
	}
	for i, g := range gb {
		f.b.Gradient[i] += float32(g / counted)
	}
	for c := range f.moments.Mean {
		f.moments.Mean[c] = float32(f.o.BNDecay)*f.moments.Mean[c] + float32(1-f.o.BNDecay)*image[c*plane]
	}
	return loss / counted, nil
}

// squares is a data set whose classes are squares of different brightness, made anew for every request.
type squares struct{ classes int }

func (squares) Fingerprint() string      { return "squares" }
func (squares) Steps(batch int) int      { return 12 / batch }
func (squares) Pixels() ([]int64, error) { return []int64{100, 400, 0}, nil }
func (s squares) Classes() (list []string) {
	return []string{"dark", "middle", "bright", "none"}[:s.classes]
}

func (squares) Batch(epoch, index, batch int, image []float32, labels []uint8) error {
	// Of each image for itself, so that 2 batches of 1 are 1 of 2.
	n := len(labels) / batch
	for i := range batch {
		r := rand.New(rand.NewPCG(uint64(epoch), uint64(index*batch+i)))
		for p := range n {
			labels[i*n+p] = uint8(r.IntN(3))
			for c := range 3 {
				image[(c*batch+i)*n+p] = 127.5*float32(labels[i*n+p]) + float32(c) + r.Float32()
			}
			if r.IntN(9) == 0 {
				labels[i*n+p] = 255
			}
		}
	}
	return nil
}

func tinyOptions() Options {
	o := Presets["small"]
	o.Epochs, o.Batch, o.Crop, o.WarmUp, o.Rate, o.ValidateEvery = 4, 2, option.Size{Height: 8, Width: 12}, 3, 0.5, 2
	o.Average, o.Seed = 0.9, 7
	return o
}

func newFake(t *testing.T, o Options, threads int) *Trainer {
	t.Helper()
	trainer, err := newTrainer(o, fakeModel(fakeClasses, 3), squares{fakeClasses}, threads, nil, buildFake)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trainer.Close)
	return trainer
}

// scores makes validation a function of the network's weights.
func scores(_ context.Context, m *onnx.Model, epoch int) (Score, error) {
	all, err := initializers(m, "model")
	if err != nil {
		return Score{}, err
	}
	v := float64(tensor.Data[float32](all["weight"])[0])
	return Score{MIoU: v - math.Floor(v), PixelAccuracy: 0.5, IoU: []float64{0, -1, 1}}, nil
}

// runFake trains to the end and gives the bytes of the checkpoint.
func runFake(t *testing.T, trainer *Trainer, path string) []byte {
	t.Helper()
	if err := trainer.Run(context.Background(), Hooks{Validate: scores}, Every{Time: time.Hour}, func() error { return trainer.Checkpoint(path) }); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
