//go:build oracle

package runtime_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// TestByteRulesAgreeWithONNXRuntime compares stored numbers of networks that every rule applies to.
func TestByteRulesAgreeWithONNXRuntime(t *testing.T) {
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	differ, all := 0, 0
	for seed := range uint64(20) {
		g := &qdq{r: rand.New(rand.NewPCG(seed, 9))}
		g.network()
		m, x := g.model(fixed(21), fixed(17)), noise(g.r, 1, 6, 21, 17)
		s, err := ort.LoadModel(m, runtime.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		want, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		got, _, _ := runQDQ(t, m, x)
		p, q := tensor.Data[float32](got["y"]), tensor.Data[float32](want["y"])
		for i := range q {
			d := math.Round(math.Abs(float64(p[i])-float64(q[i])) / 0.08)
			if all++; d > 0 {
				differ++
			}
			if d > 1 {
				t.Fatalf("seed %d, element %d is %v, want %v", seed, i, p[i], q[i])
			}
		}
	}
	t.Logf("%d of %d stored numbers differ by one", differ, all)
	if differ > all/200 {
		t.Errorf("want one in 200 at most")
	}
}
