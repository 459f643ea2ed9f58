package dataset

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// TestCropsArePyTorchs compares crops with PyTorch's (testdata/augment.py).
func TestCropsArePyTorchs(t *testing.T) {
	data, err := os.ReadFile("testdata/augment.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		H, W, H2, W2, Height, Width, Top, Left int
		Flip                                   bool
		Image                                  []float32
		Labels                                 []int
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 10 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, test := range cases {
		p := &Pair{Height: test.H, Width: test.W}
		for y := range test.H {
			for x := range test.W {
				p.Labels = append(p.Labels, uint8((3*y+5*x)%8))
				for c := range 3 {
					p.RGB = append(p.RGB, uint8(37*y+91*x+53*c+7*x*y))
				}
			}
		}
		c := crop{test.Height, test.Width, test.H2, test.W2, test.Top, test.Left, test.Flip}
		// As the second of three crops of a batch, the others untouched.
		plane := test.Height * test.Width
		image, labels := slices.Repeat([]float32{-1}, 9*plane), slices.Repeat([]uint8{99}, 3*plane)
		c.fill(p, 1, 3, image, labels)
		for i := range plane {
			if int(labels[plane+i]) != test.Labels[i] {
				t.Fatalf("%+v: label %d is %d, want %d", c, i, labels[plane+i], test.Labels[i])
			}
			if labels[i] != 99 || labels[2*plane+i] != 99 {
				t.Fatalf("%+v: another crop's labels are written", c)
			}
			for k := range 3 {
				if got, want := image[(3*k+1)*plane+i], test.Image[k*plane+i]; math.Abs(float64(got-want)) > 2e-4 {
					t.Fatalf("%+v: channel %d of pixel %d is %v, want %v", c, k, i, got, want)
				}
				if image[3*k*plane+i] != -1 || image[(3*k+2)*plane+i] != -1 {
					t.Fatalf("%+v: another crop's image is written", c)
				}
			}
		}
	}
}

func TestScales(t *testing.T) {
	counts := make(map[float64]int)
	for i := range 7000 {
		counts[paperScales.draw(generator(1, "test", i, 0))]++
	}
	for _, scale := range []float64{0.5, 0.75, 1, 1.25, 1.5, 1.75, 2} {
		if n := counts[scale]; n < 850 || n > 1150 { // five standard deviations
			t.Errorf("scale %g is drawn %d times in 7000, want about 1000", scale, n)
		}
	}
	if len(counts) != 7 {
		t.Errorf("drawn are %v", counts)
	}
	for i := range 100 {
		if v := (scales{0.5, 2, 0}).draw(generator(1, "test", i, 0)); v < 0.5 || v >= 2 {
			t.Errorf("%g", v)
		}
		if v := (scales{1, 1, 0}).draw(generator(1, "test", i, 0)); v != 1 {
			t.Errorf("%g", v)
		}
	}
	for _, bad := range []scales{{0, 1, 0.1}, {-1, 1, 0}, {2, 1, 0}, {1, math.Inf(1), 0}, {1, 2, -1}, {1, 2, math.NaN()}, {math.NaN(), 2, 0}, {1, 2, 1e-9}} {
		if bad.check() == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}
