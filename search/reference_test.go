package search

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/internal/kernel"
	"autodeeplab/internal/sgd"
)

// pinnedCase is a file of testdata that supernet.py wrote.
type pinnedCase struct {
	Space                Space
	Batch, Height, Width int
	Logits               struct {
		Sum, Squares float64
		Index        []int
		Values       []float64
	}
	Alpha, Beta []float64
	Rounds      []struct {
		Loss, Norm float64
		AfterSGD   float64 `json:"after_sgd"`
		SecondLoss float64 `json:"second_loss"`
		AfterAdam  float64 `json:"after_adam"`
	}
	Weights map[string][6]float64
}

// referenceUniform is supernet.py's uniform.
func referenceUniform(name string, n int) []float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	seed := h.Sum64()
	out := make([]float64, n)
	for i := range out {
		x := seed + uint64(i)*0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		out[i] = float64((x^x>>31)>>40) / (1 << 24)
	}
	return out
}

func referenceFill[T kernel.Float](name string, data []T, scale float64) {
	for i, u := range referenceUniform(name, len(data)) {
		data[i] = T(scale * (2*u - 1))
	}
}

// referenceTensor is a tensor by the name that supernet.py gives it.
type referenceTensor[T kernel.Float] struct {
	name  string
	whole *Parameter[T] // that it is or is part of
	at    []int         // where its elements lie in there, in PyTorch's order
	fanIn int
}

func referenceTensors[T kernel.Float](p *Parameters[T]) []referenceTensor[T] {
	var list []referenceTensor[T]
	for _, w := range p.Weights {
		if w.Parts == nil {
			r := referenceTensor[T]{name: w.Name, whole: w, fanIn: 1}
			for i := range w.Data {
				r.at = append(r.at, i)
			}
			for _, d := range w.Shape[1:] {
				r.fanIn *= d
			}
			if len(w.Shape) == 1 {
				r.fanIn = 300 // gives a bias the scale 0.1
			}
			list = append(list, r)
			continue
		}
		for _, part := range w.Parts {
			r := referenceTensor[T]{name: strings.TrimSuffix(w.Name, "cell") + part.Name, whole: w, fanIn: part.FanIn}
			in, taps := 1, part.Size()/part.Shape[0]
			if len(part.Shape) == 4 { // a dense kernel, [out, k, k, in] here and [out, in, k, k] there
				in, taps = part.Shape[3], taps/part.Shape[3]
			}
			for i := range part.Size() {
				out, channel, tap := i/(in*taps), i/taps%in, i%taps
				r.at = append(r.at, part.Offset+(out*taps+tap)*in+channel)
			}
			list = append(list, r)
		}
	}
	return list
}

// pinnedBatch gives a batch with the images as Supernet takes them, channel by channel.
func pinnedBatch[T kernel.Float](c *pinnedCase, suffix string) ([]T, []uint8) {
	pixels := c.Height * c.Width
	u := referenceUniform("image"+suffix, 3*c.Batch*pixels)
	image := make([]T, len(u))
	for n := range c.Batch {
		for channel := range 3 {
			for i := range pixels {
				image[(channel*c.Batch+n)*pixels+i] = T(2*u[(n*3+channel)*pixels+i] - 1)
			}
		}
	}
	labels, ignore := referenceUniform("labels"+suffix, c.Batch*pixels), referenceUniform("ignore"+suffix, c.Batch*pixels)
	out := make([]uint8, len(labels))
	for i := range out {
		if out[i] = uint8(labels[i] * float64(c.Space.Classes)); ignore[i] < 0.1 {
			out[i] = IgnoreLabel
		}
	}
	return image, out
}

func testPinned[T kernel.Float](t *testing.T, tolerance float64) {
	files, err := filepath.Glob("testdata/supernet-*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no reference", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c pinnedCase
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			pool := kernel.NewPool(2)
			defer pool.Close()
			p, err := NewParameters[T](c.Space, 1)
			if err != nil {
				t.Fatal(err)
			}
			tensors := referenceTensors(p)
			if len(tensors) != len(c.Weights) {
				t.Errorf("%d weights, want %d", len(tensors), len(c.Weights))
			}
			for _, w := range tensors {
				data := make([]T, len(w.at))
				referenceFill(w.name, data, math.Sqrt(3/float64(w.fanIn)))
				for i, at := range w.at {
					w.whole.Data[at] = data[i]
				}
			}
			referenceFill("alpha", p.Alpha.Data, 1)
			referenceFill("beta", p.Beta.Data, 1)
			for i, live := range c.Space.liveMoves() {
				if !live {
					p.Beta.Data[i] = 0
				}
			}

			net, err := NewSupernet(p, SupernetOptions{Batch: c.Batch, Height: c.Height, Width: c.Width, Training: true}, pool)
			if err != nil {
				t.Fatal(err)
			}
			defer net.Close()
			worst := 0.0
			near := func(what string, got, want, scale float64) {
				t.Helper()
				worst = max(worst, math.Abs(got-want)/scale)
				if !(math.Abs(got-want) <= tolerance*scale) {
					t.Errorf("%s: %.12g, want %.12g", what, got, want)
				}
			}
			step := func(suffix string) float64 {
				image, labels := pinnedBatch[T](&c, suffix)
				loss, err := net.Step(StepWeights, 0.1, image, labels)
				if err != nil {
					t.Fatal(err)
				}
				return loss
			}
			weights, adam := NewSGD(p, 0.9, 3e-4), NewAdam(p, 0.003, 1e-3)
			for i, r := range c.Rounds {
				near("loss", step(""), r.Loss, 1)
				norm := GradientNorm(pool, p, net.Gradient)
				near("norm", norm, r.Norm, r.Norm)
				if i == 0 {
					logits := net.logits.Value().Data().([]T)
					pixels := c.Height * c.Width
					rms := math.Sqrt(c.Logits.Squares / float64(len(logits)))
					for i, at := range c.Logits.Index {
						n, class, pixel := at/pixels/c.Space.Classes, at/pixels%c.Space.Classes, at%pixels
						near("logit", float64(logits[(class*c.Batch+n)*pixels+pixel]), c.Logits.Values[i], rms)
					}
					for _, a := range []struct {
						p    *Parameter[T]
						want []float64
					}{{p.Alpha, c.Alpha}, {p.Beta, c.Beta}} {
						scale := 0.0
						for _, v := range a.want {
							scale += v * v
						}
						for i, g := range net.Gradient(a.p) {
							near(a.p.Name, float64(g), a.want[i], math.Sqrt(scale))
						}
					}
					for _, w := range tensors {
						whole, want := net.Gradient(w.whole), c.Weights[w.name]
						g := make([]float64, len(w.at))
						sum, squares := 0.0, 0.0
						for i, at := range w.at {
							g[i] = float64(whole[at])
							sum += g[i]
							squares += g[i] * g[i]
						}
						got := [6]float64{sum, math.Sqrt(squares)}
						for i, at := range []int{0, len(g) / 3, len(g) / 2, len(g) - 1} {
							got[2+i] = g[at]
						}
						for i := range got {
							scale := want[1]
							if i == 0 {
								scale *= math.Sqrt(float64(len(g)))
							}
							near(w.name, got[i], want[i], scale+1e-30)
						}
					}
				}
				weights.Step(pool, p, net.Gradient, 0.025, sgd.ClipFactor(norm, 5))
				near("loss after SGD", step(""), r.AfterSGD, 1)
				near("loss of the second batch", step("2"), r.SecondLoss, 1)
				adam.Step(p, net.Gradient)
				near("loss after Adam", step("2"), r.AfterAdam, 1)
			}
			t.Logf("largest relative difference %.2g", worst)
		})
	}
}

// TestAgainstPyTorch compares a step of small supernets with PyTorch's (testdata/README.md).
func TestAgainstPyTorch(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testPinned[float64](t, 1e-9) })
	t.Run("float32", func(t *testing.T) { testPinned[float32](t, 1e-4) })
}
