package precision

import (
	"context"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// TestSymmetricRange takes scales from the definition: the larger end is 127 steps from 0.
func TestSymmetricRange(t *testing.T) {
	for _, c := range []struct {
		r    Range
		want float32
	}{{Range{0, 127}, 1}, {Range{-254, 127}, 2}, {Range{-1, 63.5}, 0.5}, {Range{0, 0}, 1}, {Range{0, 1e-38}, 1}} {
		if p := symmetric(c.r); p.scale != c.want || p.zero != 0 {
			t.Errorf("%v: %+v, want a scale of %g", c.r, p, c.want)
		}
	}
}

// TestSymmetricForm wants every zero point of a network to be an int8 0, and every bias to be float, as it was.
func TestSymmetricForm(t *testing.T) {
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: 4, Classes: 5, Height: 33, Width: 33, Batch: 1, Form: compile.TrainingForm, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if m, err = compile.Deploy(m, compile.DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	picture := make([]float32, 3*33*33)
	for i := range picture {
		picture[i] = float32(i * 37 % 256)
	}
	out, r, err := Convert(context.Background(), m, Options{Kind: Int8, Symmetric: true, Pictures: onePicture{tensor.Of(picture, 1, 3, 33, 33)}})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Symmetric || r.Nodes < 100 {
		t.Errorf("%+v", r.Record)
	}
	inits := onnx.Initializers(out.GetGraph())
	quantised, convolutions := 0, 0
	made := make(map[string]*onnx.Node)
	for _, n := range out.GetGraph().GetNode() {
		made[n.GetOutput()[0]] = n
		switch n.GetOpType() {
		case "QuantizeLinear", "DequantizeLinear":
			quantised++
			zero, err := onnx.Decode(inits[n.GetInput()[2]])
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range tensor.Data[int8](zero) {
				if v != 0 {
					t.Fatalf("%s has zero point %d", n.GetName(), v)
				}
			}
			if zero.DType != tensor.Int8 {
				t.Fatalf("%s has zero points of %s", n.GetName(), zero.DType)
			}
		case "Conv":
			if d := made[n.GetInput()[1]]; d != nil { // its weights are quantised
				convolutions++
				if len(n.GetInput()) > 2 && inits[n.GetInput()[2]] == nil {
					t.Errorf("%s has a bias that is no initializer", n.GetName())
				}
			}
		}
	}
	if quantised < 100 || convolutions < 50 {
		t.Errorf("%d quantising nodes, %d convolutions", quantised, convolutions)
	}
	if _, _, err := Convert(context.Background(), m, Options{Kind: Float16, Symmetric: true}); err == nil {
		t.Error("fp16 is taken to have zero points")
	}
}

type onePicture struct{ picture *tensor.Tensor }

func (onePicture) Len() int                         { return 1 }
func (p onePicture) At(int) (*tensor.Tensor, error) { return p.picture, nil }
