package decode

import (
	"slices"
	"testing"
)

// TestPublished compares the embedded file with the spec's §3, where blocks are counted from 1 and states are as here.
func TestPublished(t *testing.T) {
	want := &Architecture{
		Name: "Auto-DeepLab",
		Cell: []Block{
			{{1, AtrConv5x5}, {0, SepConv3x3}},
			{{1, SepConv3x3}, {0, AtrConv3x3}},
			{{3, SepConv3x3}, {1, SepConv3x3}},
			{{4, SepConv5x5}, {2, SepConv5x5}},
			{{3, SepConv5x5}, {5, AtrConv5x5}},
		},
		Path: []int{0, 0, 0, 1, 2, 1, 2, 2, 3, 3, 2, 1},
	}
	a := Published()
	if !a.Equal(want) {
		t.Errorf("got\n%swant\n%s", a, want)
	}
	if a.NumBlocks() != 5 || a.Layers() != 12 || a.OutputStride() != 8 || a.LowLevelLayer() != 2 {
		t.Errorf("blocks %d, layers %d, output stride %d, low-level layer %d; want 5, 12, 8, 2",
			a.NumBlocks(), a.Layers(), a.OutputStride(), a.LowLevelLayer())
	}
	a.Cell[0][0].Op, a.Path[0] = SkipConnect, 1
	if !Published().Equal(want) {
		t.Error("a caller's change reached the next caller of Published")
	}
}

func TestStridesAndMoves(t *testing.T) {
	for _, c := range []struct {
		path     []int
		strides  []int // the stem's first
		moves    []Move
		lowLevel int
	}{
		{[]int{0}, []int{4, 4}, []Move{Same}, 0},
		{[]int{1}, []int{4, 8}, []Move{Down}, -1},
		{[]int{0, 0, 0, 0}, []int{4, 4, 4, 4, 4}, []Move{Same, Same, Same, Same}, 3},
		{[]int{1, 0, 0, 1}, []int{4, 8, 4, 4, 8}, []Move{Down, Up, Same, Down}, -1},
		{[]int{0, 1, 2, 3, 3, 2}, []int{4, 4, 8, 16, 32, 32, 16}, []Move{Same, Down, Down, Down, Same, Up}, 0},
	} {
		a := &Architecture{Cell: []Block{{{0, SkipConnect}, {1, SkipConnect}}}, Path: c.path}
		if err := a.Validate(); err != nil {
			t.Errorf("path %v: %v", c.path, err)
		}
		var strides []int
		var moves []Move
		for l := -1; l < a.Layers(); l++ {
			strides = append(strides, a.Stride(l))
			if l >= 0 {
				moves = append(moves, a.Move(l))
			}
		}
		if !slices.Equal(strides, c.strides) || !slices.Equal(moves, c.moves) || a.LowLevelLayer() != c.lowLevel {
			t.Errorf("path %v: strides %v, moves %v, low-level layer %d; want %v, %v, %d",
				c.path, strides, moves, a.LowLevelLayer(), c.strides, c.moves, c.lowLevel)
		}
		if got, want := a.OutputStride(), c.strides[len(c.strides)-1]; got != want {
			t.Errorf("path %v: output stride %d, want %d", c.path, got, want)
		}
	}
}

func TestEqual(t *testing.T) {
	a := Published()
	for what, change := range map[string]func(*Architecture){
		"name":     func(b *Architecture) { b.Name += "!" },
		"operator": func(b *Architecture) { b.Cell[4][1].Op = SepConv3x3 },
		"input":    func(b *Architecture) { b.Cell[4][1].Input = 2 },
		"order":    func(b *Architecture) { b.Cell[0][0], b.Cell[0][1] = b.Cell[0][1], b.Cell[0][0] },
		"blocks":   func(b *Architecture) { b.Cell = b.Cell[:4] },
		"level":    func(b *Architecture) { b.Path[11] = 2 },
		"layers":   func(b *Architecture) { b.Path = b.Path[:11] },
	} {
		b := a.Clone()
		if !a.Equal(b) {
			t.Fatal("a clone is not equal")
		}
		change(b)
		if a.Equal(b) || b.Equal(a) {
			t.Errorf("equal in spite of another %s", what)
		}
		fa, errA := a.Fingerprint()
		fb, errB := b.Fingerprint()
		if errA != nil || errB != nil || (fa == fb) != (what == "name") {
			t.Errorf("another %s: fingerprints %s (%v) and %s (%v)", what, fa, errA, fb, errB)
		}
	}
}

func TestOperators(t *testing.T) {
	names := []string{ // the order of the spec's §2
		"none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "atr_conv_3x3", "atr_conv_5x5",
	}
	ops := Operators()
	if len(ops) != len(names) || NumOperators != len(names) {
		t.Fatalf("%d operators, NumOperators %d, want %d", len(ops), NumOperators, len(names))
	}
	for i, op := range ops {
		p, err := ParseOperator(names[i])
		if int(op) != i || op.String() != names[i] || p != op || err != nil {
			t.Errorf("operator %d is %d %q, and %q parses to %d, %v", i, op, op, names[i], p, err)
		}
		var u Operator
		text, err := op.MarshalText()
		if err != nil || string(text) != names[i] || u.UnmarshalText(text) != nil || u != op {
			t.Errorf("%v as text: %q, %v, back to %v", op, text, err, u)
		}
	}
	if _, err := Operator(8).MarshalText(); err == nil || err.Error() != "8 is not an operator (there are 8)" {
		t.Errorf("operator 8 as text: %v", err)
	}
	if s := Operator(-1).String(); s != "Operator(-1)" {
		t.Errorf("operator -1 prints as %q", s)
	}
	const want = `"Skip_Connect" is not an operator (accepted: none, max_pool_3x3, avg_pool_3x3, skip_connect, ` +
		`sep_conv_3x3, sep_conv_5x5, atr_conv_3x3, atr_conv_5x5)`
	if _, err := ParseOperator("Skip_Connect"); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
