package search

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"strings"
	"testing"

	"autodeeplab/internal/gorgoniaop"
	"autodeeplab/internal/kernel"
)

// uniforms gives the numbers in [0, 1) of testdata/reference.py's formula.
func uniforms(name string, n int) []float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	list := make([]float64, n)
	for i := range list {
		z := h.Sum64() + uint64(i)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		list[i] = float64((z^z>>31)>>40) / (1 << 24)
	}
	return list
}

// transposed gives element i, in PyTorch's order, its place in ours. Only dense kernels of cells differ: theirs are
// [out, in, k, k], ours [out, k, k, in].
func transposed(p gorgoniaop.Param, i int) int {
	if len(p.Shape) != 4 {
		return i
	}
	k, in := p.Shape[1], p.Shape[3]
	x, y, c, o := i%k, i/k%k, i/(k*k)%in, i/(k*k*in)
	return ((o*k+y)*k+x)*in + c
}

// eachTensor visits the weights by the names and in the order of elements of the reference.
func eachTensor[T kernel.Float](p *Parameters[T], visit func(name string, n, fanIn int, at func(i int) (q *Parameter[T], index int))) {
	for _, q := range p.Weights {
		if q.Parts == nil {
			n := len(q.Data)
			visit(q.Name, n, n/q.Shape[0], func(i int) (*Parameter[T], int) { return q, i })
			continue
		}
		for _, part := range q.Parts {
			visit(q.Name+"/"+part.Name, part.Size(), part.FanIn, func(i int) (*Parameter[T], int) { return q, part.Offset + transposed(part, i) })
		}
	}
}

func setReference[T kernel.Float](p *Parameters[T]) {
	fill := func(name string, n int, scale float64, set func(i int, v T)) {
		for i, u := range uniforms(name, n) {
			set(i, T(scale*(2*u-1)))
		}
	}
	eachTensor(p, func(name string, n, fanIn int, at func(int) (*Parameter[T], int)) {
		scale := math.Sqrt(3 / float64(fanIn))
		if strings.HasSuffix(name, "/bias") {
			scale = 0.1
		}
		fill(name, n, scale, func(i int, v T) { q, j := at(i); q.Data[j] = v })
	})
	live := p.Space.liveMoves()
	fill("alpha", len(p.Alpha.Data), 1, func(i int, v T) { p.Alpha.Data[i] = v })
	fill("beta", len(p.Beta.Data), 1, func(i int, v T) {
		if live[i] {
			p.Beta.Data[i] = v
		}
	})
}

// referenceBatch makes an image [3, N, H, W] of the reference's [N, 3, H, W], and labels.
func referenceBatch[T kernel.Float](suffix string, n, h, w, classes int) ([]T, []uint8) {
	image, labels := make([]T, 3*n*h*w), make([]uint8, n*h*w)
	for i, u := range uniforms("image"+suffix, len(image)) {
		pixel, c, b := i%(h*w), i/(h*w)%3, i/(3*h*w)
		image[(c*n+b)*h*w+pixel] = T(2*u - 1)
	}
	ignore := uniforms("ignore"+suffix, len(labels))
	for i, u := range uniforms("labels"+suffix, len(labels)) {
		labels[i] = uint8(u * float64(classes))
		if ignore[i] < 0.1 {
			labels[i] = IgnoreLabel
		}
	}
	return image, labels
}

type referenceCase struct {
	Layers, Blocks, Filters, Levels, Classes, Batch, Height, Width int

	Loss   float64
	Logits struct {
		Sum, Norm float64
		Samples   []float64
	}
	Alpha, Beta  []float64
	Weights      map[string][]float64 // sum, norm and four samples of the gradient
	GradientNorm float64              `json:"gradient_norm"`
	Before0      float64              `json:"loss_before_adam0"`
	Before1      float64              `json:"loss_before_adam1"`
	After        float64              `json:"loss_after"`
}

// TestAgainstPyTorch compares a step of the supernet, every gradient and the updates with testdata/reference.py's, in
// float64 and, with the kernels that a search uses, in float32.
func TestAgainstPyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []referenceCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d/float64", i), func(t *testing.T) { againstReference[float64](t, c, 1e-9) })
		t.Run(fmt.Sprintf("%d/float32", i), func(t *testing.T) { againstReference[float32](t, c, 1e-4) })
	}
}

func againstReference[T kernel.Float](t *testing.T, c referenceCase, tolerance float64) {
	pool := kernel.NewPool(2)
	defer pool.Close()
	p, err := NewParameters[T](Space{c.Layers, c.Blocks, c.Filters, c.Levels, c.Classes}, 0)
	if err != nil {
		t.Fatal(err)
	}
	setReference(p)
	net, err := NewSupernet(p, SupernetOptions{Batch: c.Batch, Height: c.Height, Width: c.Width, Training: true}, pool)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	worst := 0.0
	// near compares relative to scale: that of the value itself, or of the tensor that it stands in.
	near := func(what string, got, want, scale float64) {
		t.Helper()
		difference := math.Abs(got-want) / max(math.Abs(want), scale, 1e-300)
		if worst = max(worst, difference); !(difference <= tolerance) {
			t.Errorf("%s: %v, PyTorch has %v", what, got, want)
		}
	}
	image, labels := referenceBatch[T]("", c.Batch, c.Height, c.Width, c.Classes)
	step := func(mode Mode, image []T, labels []uint8) float64 {
		t.Helper()
		loss, err := net.Step(mode, 0, image, labels)
		if err != nil {
			t.Fatal(err)
		}
		return loss
	}
	near("loss", step(StepWeights, image, labels), c.Loss, 0)

	logits := net.logits.Value().Data().([]T)
	var sum, squares float64
	for _, v := range logits {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	near("norm of the logits", math.Sqrt(squares), c.Logits.Norm, 0)
	near("sum of the logits", sum, c.Logits.Sum, c.Logits.Norm)

	for _, q := range []struct {
		p    *Parameter[T]
		want []float64
	}{{p.Alpha, c.Alpha}, {p.Beta, c.Beta}} {
		norm := 0.0
		for _, v := range q.want {
			norm = math.Hypot(norm, v)
		}
		for i, v := range net.Gradient(q.p) {
			near(fmt.Sprintf("gradient of %s[%d]", q.p.Name, i), float64(v), q.want[i], norm)
		}
	}
	compared := 0
	eachTensor(p, func(name string, n, _ int, at func(int) (*Parameter[T], int)) {
		want, ok := c.Weights[name]
		if !ok {
			t.Fatalf("PyTorch has no %s", name)
		}
		compared++
		var sum, squares float64
		value := func(i int) float64 { q, j := at(i); return float64(net.Gradient(q)[j]) }
		for i := range n {
			v := value(i)
			sum, squares = sum+v, squares+v*v
		}
		norm := want[1]
		near("norm of the gradient of "+name, math.Sqrt(squares), norm, 0)
		near("sum of the gradient of "+name, sum, want[0], norm)
		for i, at := range []int{0, n / 3, n / 2, n - 1} {
			near(fmt.Sprintf("gradient of %s[%d]", name, at), value(at), want[2+i], norm)
		}
	})
	if compared != len(c.Weights) {
		t.Errorf("%d tensors were compared, PyTorch has %d", compared, len(c.Weights))
	}

	norm := GradientNorm(pool, p, net.Gradient)
	near("norm of all gradients", norm, c.GradientNorm, 0)
	sgd, adam := NewSGD(p, 0.9, 3e-4), NewAdam(p, 3e-3, 1e-3)
	sgd.Step(pool, p, net.Gradient, 0.025, ClipFactor(norm, 0.5))
	step(StepWeights, image, labels)
	sgd.Step(pool, p, net.Gradient, 0.025, ClipFactor(GradientNorm(pool, p, net.Gradient), 0.5))
	image, labels = referenceBatch[T]("2", c.Batch, c.Height, c.Width, c.Classes)
	tolerance *= 100 // PyTorch's clipping adds 1e-6 to the norm, and updates carry the gradients' differences on
	for i, want := range []float64{c.Before0, c.Before1} {
		near(fmt.Sprintf("loss before step %d of α and β", i), step(StepArchitecture, image, labels), want, 0)
		adam.Step(p, net.Gradient)
	}
	near("loss after the updates", step(StepArchitecture, image, labels), c.After, 0)
	t.Logf("%d tensors, largest relative difference %.2g", compared, worst)
}
