//go:build oracle

package integration

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/compile"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
	"autodeeplab/verify"
)

// spoiled is ONNX Runtime with a fault: it computes another model than the one that it is given.
type spoiled struct {
	runtime.Engine
	spoil func(*onnx.Model)
}

func (s spoiled) LoadModel(m *onnx.Model, o runtime.Options) (runtime.Session, error) {
	m = proto.Clone(m).(*onnx.Model)
	s.spoil(m)
	return s.Engine.LoadModel(m, o)
}

// TestVerifyLayers compares all inner values of S between the embedded engine and ONNX Runtime, and has a fault in one
// weight of ONNX Runtime's found at its node.
func TestVerifyLayers(t *testing.T) {
	const filters, h, w = 20, 129, 129
	m, err := compile.Deploy(trainingForm(t, filters, h, w, statistics(t, filters, h, w)), compile.DeployOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	ours := &verify.Side{Name: "runtime", Model: m, Engine: runtime.Embedded}
	r, err := verify.Run(context.Background(), ours, &verify.Side{Name: "onnxruntime", Model: m, Engine: ort}, verify.Options{Layers: true})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Agree || r.Layers.Compared < 500 {
		t.Errorf("%+v: %+v", r, r.Layers)
	}
	t.Logf("%d values compared, %d hidden; the largest difference: %s, %s", r.Layers.Compared, r.Layers.Hidden, r.Layers.Largest.Name, r.Layers.Largest.Difference.Words())

	nodes := m.GetGraph().GetNode()
	faulty, place := (*onnx.Node)(nil), len(nodes)*2/3
	for ; faulty == nil; place++ {
		if nodes[place].GetOpType() == "Conv" {
			faulty = nodes[place]
		}
	}
	spoil := func(m *onnx.Model) {
		for i, x := range m.GetGraph().GetInitializer() {
			if x.GetName() == faulty.GetInput()[1] {
				v, err := onnx.Decode(x)
				if err != nil {
					t.Fatal(err)
				}
				v = v.Clone()
				tensor.Data[float32](v)[0] += 1
				m.Graph.Initializer[i] = onnx.Encode(x.GetName(), v)
			}
		}
	}
	r, err = verify.Run(context.Background(), ours, &verify.Side{Name: "faulty", Model: m, Engine: spoiled{ort, spoil}}, verify.Options{Layers: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Agree || len(r.Layers.Different) != 1 || r.Layers.Different[0].Name != faulty.GetName() {
		t.Errorf("the fault in %s is not found there: %+v", faulty.GetName(), r.Layers.Different)
	}
}
