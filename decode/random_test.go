package decode_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"autodeeplab/decode"
)

// TestRandomIsUniform draws many architectures of a space so small that all can be listed.
func TestRandomIsUniform(t *testing.T) {
	const draws = 20000
	paths, blocks := map[string]int{}, map[string]int{}
	for seed := range uint64(draws) {
		a, size, err := decode.Random(decode.RandomOptions{Blocks: 2, Layers: 3, Levels: 3, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		// From the stem: 0→{0,1}, 1→{0,1,2}, 2→{1,2}: 2 + 3 paths of two layers, then 2·2 + 2·3 + 1·2.
		if size.Paths.Int64() != 12 || size.Cells.Int64() != 1*49*3*49 {
			t.Fatalf("the space has %v paths and %v cells", size.Paths, size.Cells)
		}
		paths[fmt.Sprint(a.Path)]++
		b := a.Cell[1]
		if b[0].Input == b[1].Input || a.Cell[0][0].Input == a.Cell[0][1].Input {
			t.Fatalf("a block reads one state twice: %v", a)
		}
		blocks[fmt.Sprint(b)]++
	}
	for name, c := range map[string]struct {
		counts map[string]int
		all    int
	}{"paths": {paths, 12}, "blocks": {blocks, 3 * 2 * 49}} { // in either order
		if len(c.counts) != c.all {
			t.Errorf("%d %s were drawn, want all %d", len(c.counts), name, c.all)
		}
		chi := 0.0 // expected value all − 1, standard deviation √(2·(all − 1))
		for _, n := range c.counts {
			expected := float64(draws) / float64(c.all)
			chi += (float64(n) - expected) * (float64(n) - expected) / expected
		}
		if freedom := float64(c.all - 1); math.Abs(chi-freedom) > 4*math.Sqrt(2*freedom) {
			t.Errorf("χ² of %s is %.1f, want about %.0f", name, chi, freedom)
		}
	}
}

func TestRandomLargest(t *testing.T) {
	o := decode.RandomOptions{Blocks: decode.MaxBlocks, Layers: decode.MaxLayers, Levels: decode.NumLevels, Seed: 3, Name: "large"}
	a, _, err := decode.Random(o)
	if err != nil || a.Name != "large" || len(a.Path) != decode.MaxLayers {
		t.Errorf("%v, %v", a, err)
	}
	again, _, err := decode.Random(o)
	if err != nil || !a.Equal(again) {
		t.Errorf("the same seed gives another architecture, %v", err)
	}
	o.Levels = 5
	var field *decode.FieldError
	if _, _, err := decode.Random(o); !errors.As(err, &field) || err.Error() != "levels: 5, want 1 to 4" {
		t.Errorf("error %v", err)
	}
}

func ExampleRandom() {
	a, size, err := decode.Random(decode.RandomOptions{Blocks: 3, Layers: 8, Levels: 4, Seed: 1})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s: path %v, one of %v\n", a.Name, a.Path, size.Paths)
	// Output: random-1: path [1 1 1 0 1 1 2 3], one of 1597
}
