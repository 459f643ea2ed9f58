package draw

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/decode"
)

// A cell is drawn in columns, from left to right:
//
//	H^{l-1}    ┌ op ┐            ┌ op ┐
//	           └ op ┘+ ────┬──── └ op ┘+ ───  concat ─ H^l
//	H^{l-2}     block 1    └────── lane ────
//
// Column 0 holds the two inputs, column d the blocks of depth d, the last one the concatenation. Between the columns
// there is room for lines to bend; within a column lines run level, in lanes above and below the blocks. A line that
// never leaves its lane cannot meet a box, whatever the wiring.

// family groups the operators that share a colour.
type family struct {
	what         string // for the legend
	fill, stroke color.Color
}

var (
	sepFamily  = &family{"sep: separable convolution, twice", rgb(0xd6e6f7), rgb(0x2a6cb0)}
	atrFamily  = &family{"atr: atrous convolution, rate 2", rgb(0xfde3c8), rgb(0xc9661a)}
	poolFamily = &family{"max, avg: pooling", rgb(0xd9efd3), rgb(0x3d8b40)}
	skipFamily = &family{"skip connection", rgb(0xe9e4f5), rgb(0x7458b3)}
	families   = []*family{sepFamily, atrFamily, poolFamily, skipFamily}
)

// operators are the labels and families of the operators that a cell can choose.
var operators = map[decode.Operator]struct {
	label  string
	family *family
}{
	decode.MaxPool3x3:  {"max 3×3", poolFamily},
	decode.AvgPool3x3:  {"avg 3×3", poolFamily},
	decode.SkipConnect: {"skip", skipFamily},
	decode.SepConv3x3:  {"sep 3×3", sepFamily},
	decode.SepConv5x5:  {"sep 5×5", sepFamily},
	decode.AtrConv3x3:  {"atr 3×3", atrFamily},
	decode.AtrConv5x5:  {"atr 5×5", atrFamily},
}

// Sizes of the parts of a cell, in points.
const (
	opWidth, opHeight = 54.0, 19.0
	opGap             = 8.0
	blockPad          = 6.0
	addRadius         = 8.5
	blockWidth        = blockPad + opWidth + 16 + 2*addRadius + 9
	blockHeight       = 2*blockPad + 2*opHeight + opGap
	stateWidth        = 46.0
	stateHeight       = 26.0
	concatWidth       = 48.0
)

var (
	wire      = rgb(0x4a5563) // to an operator
	concatInk = rgb(0xb4bbc5) // to the concatenation
	blockFill = rgb(0xf6f7f9)
	stateFill = rgb(0xe8ecf1)
)

// cellLayout is a cell laid out in columns: the two inputs, the blocks by their depth (longest way from an input),
// and the concatenation.
type cellLayout struct {
	layered
	a       *decode.Architecture
	depth   []int   // of each state: its column
	lanes   [][]int // of each state: its vertices, from its own column to the last one that it passes
	concat  []int   // the vertices in the last column, one a block
	lastUse []int   // of each state: the last column in which an operator reads it
}

// layOut makes the graph of a cell and gives each of its vertices a place in its column and a height.
func layOut(a *decode.Architecture) *cellLayout {
	states := a.NumBlocks() + 2
	l := &cellLayout{a: a, depth: make([]int, states), lanes: make([][]int, states), lastUse: make([]int, states)}
	// Blocks read only earlier states, so one pass in order finds the longest ways.
	last := 1 // the column of the concatenation
	for i, b := range a.Cell {
		l.depth[i+2] = 1 + max(l.depth[b[0].Input], l.depth[b[1].Input])
		last = max(last, l.depth[i+2]+1)
		for _, br := range b {
			l.lastUse[br.Input] = max(l.lastUse[br.Input], l.depth[i+2])
		}
	}
	// Vertices, the sources of a column first: states, then those that pass through.
	half := (opHeight + opGap) / 2
	for s := range states {
		v := vertex{column: l.depth[s], half: blockHeight / 2, slots: []float64{-half, half}}
		if s < 2 {
			v.half, v.slots = stateHeight/2, nil
		}
		l.lanes[s] = []int{l.addVertex(v)}
	}
	for s := range states {
		end := l.lastUse[s] // its last lane is in the column before
		if s >= 2 {
			end = last
		}
		for c := l.depth[s] + 1; c < end; c++ {
			l.lanes[s] = append(l.lanes[s], l.addVertex(vertex{column: c}))
		}
		if s >= 2 {
			l.concat = append(l.concat, l.addVertex(vertex{column: last}))
		}
	}
	// Links: along the lanes, and from the lane before a reader to it. Those that only the concatenation reads weigh
	// less: they are drawn lightly.
	for s, lanes := range l.lanes {
		for i := 1; i < len(lanes); i++ {
			heft := 1.0
			if l.depth[s]+i < l.lastUse[s] {
				heft = 2
			}
			l.addLink(link{from: lanes[i-1], to: lanes[i], heft: heft, pull: 4})
		}
		if s >= 2 {
			l.addLink(link{from: lanes[len(lanes)-1], to: l.concat[s-2], heft: 1, pull: 1})
		}
	}
	for i, b := range a.Cell {
		to := l.lanes[i+2][0]
		for j, br := range b {
			l.addLink(link{from: l.laneBefore(br.Input, l.depth[i+2]), to: to, slot: j, heft: 2, pull: 1})
		}
	}
	l.arrange()
	// Boxes keep a little more distance from each other than lines do from anything.
	l.place(func(upper, lower *vertex) float64 {
		if upper.half > 0 && lower.half > 0 {
			return 14
		}
		return 10
	})
	return l
}

// laneBefore is the vertex of state s in the column before c.
func (l *cellLayout) laneBefore(s, c int) int { return l.lanes[s][c-1-l.depth[s]] }

// Cell draws the cell (figure 3 of the paper, right): its inputs H^{l-1} and H^{l-2} on the left, its blocks of two
// operators and their sum in columns by depth, and the concatenation of all blocks, H^l, on the right. Operators are
// coloured by family. Where a is not valid the figure's writing methods return the error of its Validate.
func Cell(a *decode.Architecture) *Figure {
	if err := a.Validate(); err != nil {
		return &Figure{err: err}
	}
	l := layOut(a)
	depth := len(l.columns) - 2 // columns of blocks
	fixed := 2*margin + stateWidth + float64(depth)*blockWidth + concatWidth + 30 + stateWidth
	// The gaps between columns share what is left of a screen's width: at most as much as looks well, at least as much
	// as keeps lines from standing upright.
	gap := math.Max(38, math.Min(90, (screenWidth-fixed)/float64(depth+1)))

	// left and right are the ends of each column.
	left, right := make([]float64, len(l.columns)), make([]float64, len(l.columns))
	x := margin
	for c := range l.columns {
		w := blockWidth
		switch c {
		case 0:
			w = stateWidth
		case depth + 1:
			w = concatWidth
		}
		left[c], right[c] = x, x+w
		x += w + gap
	}
	top := headerHeight + 20
	bottom := top
	for i := range l.vertices {
		v := &l.vertices[i]
		v.y += top
		bottom = math.Max(bottom, v.y+v.half)
	}

	var s scene
	for i := range a.Cell {
		v := &l.vertices[l.lanes[i+2][0]]
		x := left[l.depth[i+2]]
		frame := rect{x, v.y - v.half, x + blockWidth, v.y + v.half}
		s.add(box{rect: frame, radius: 7, fill: blockFill, stroke: faint, lineWidth: 1})
	}
	s.cellWires(l, left, right)
	for i := range a.Cell {
		s.block(l, i, left[l.depth[i+2]])
	}
	for st, name := range []string{"l−1", "l−2"} {
		y := l.vertices[l.lanes[st][0]].y
		s.state(rect{left[0], y - stateHeight/2, right[0], y + stateHeight/2}, name, l.lastUse[st] > 0)
	}
	bar := s.concat(l, left[depth+1])
	bottom = math.Max(bottom, bar.y1)
	out := rect{bar.x1 + 30, bar.center().y - stateHeight/2, bar.x1 + 30 + stateWidth, bar.center().y + stateHeight/2}
	s.add(withColor(line(point{bar.x1, bar.center().y}, point{out.x0, bar.center().y}), wire, 1.6, true))
	s.state(out, "l", true)

	width := math.Max(out.x1+margin, 430) // so that a single block's legend fits on a line or two
	var entries []legendEntry
	for _, f := range families {
		used := slices.ContainsFunc(a.Cell, func(b decode.Block) bool {
			return operators[b[0].Op].family == f || operators[b[1].Op].family == f
		})
		if used {
			entries = append(entries, legendEntry{f.what, func(p point) []item {
				swatch := rect{p.x - 6, p.y - 5, p.x + 6, p.y + 5}
				return []item{box{rect: swatch, radius: 3, fill: f.fill, stroke: f.stroke, lineWidth: 1, solid: true}}
			}})
		}
	}
	entries = append(entries, legendEntry{"sum of the two branches", func(p point) []item { return plus(p, 5.5) }})
	width = s.legend(bottom+24, width, entries)
	subtitle := plural(a.NumBlocks(), "block") + "; the output is their concatenation"
	if a.NumBlocks() == 1 {
		subtitle = "1 block, which is the output"
	}
	width = s.header(a, "cell", subtitle, width)
	return s.figure(cellTitle(a), width)
}

// cellTitle says in words what the figure shows.
func cellTitle(a *decode.Architecture) string {
	names := []string{"H(l-1)", "H(l-2)"}
	var parts []string
	for i, b := range a.Cell {
		parts = append(parts, fmt.Sprintf("block %d = %s of %s + %s of %s", i+1,
			b[0].Op, names[b[0].Input], b[1].Op, names[b[1].Input]))
		names = append(names, "block "+strconv.Itoa(i+1))
	}
	return titleText(a, "cell") + ": " + strings.Join(parts, "; ")
}

// cellWires adds the lines between the columns, those to the concatenation first so that the others lie above.
func (s *scene) cellWires(l *cellLayout, left, right []float64) {
	// start is where the lines of a state begin: at its box, or at the circle of its block's sum.
	start := func(st int) point {
		x := right[l.depth[st]]
		if st >= 2 {
			x = left[l.depth[st]] + addCenter(0).x + addRadius
		}
		return point{x, l.vertices[l.lanes[st][0]].y}
	}
	// route follows the lanes of a state up to column c and ends at a point to the left of that column's boxes.
	route := func(st, c int, end point) []point {
		points := []point{start(st)}
		points = segment(points, point{right[l.depth[st]], points[0].y})
		// Bends lie between columns only: from the right end of one to the left end of the next.
		for i := 1; l.depth[st]+i < c; i++ {
			col, y := l.depth[st]+i, l.vertices[l.lanes[st][i]].y
			points = bend(points, point{left[col], y})
			points = segment(points, point{right[col], y})
		}
		points = bend(points, point{left[c], end.y})
		return segment(points, end)
	}
	last := len(l.columns) - 1
	for i, v := range l.concat {
		end := point{left[last], l.vertices[v].y}
		s.add(withColor(curve{points: route(i+2, last, end)}, concatInk, 1.2, true))
	}
	for i, b := range l.a.Cell {
		for j, br := range b {
			to := &l.vertices[l.lanes[i+2][0]]
			c := l.depth[i+2]
			y := to.y + l.arrival(link{to: l.lanes[i+2][0], slot: j})
			s.add(withColor(curve{points: route(br.Input, c, point{left[c] + blockPad, y})}, wire, 1.4, true))
		}
	}
}

// addCenter is where the circle of a block's sum is, relative to the left end and the middle of the block.
func addCenter(y float64) point { return point{blockPad + opWidth + 16 + addRadius, y} }

// block adds the operators and the sum of block i, whose frame starts at x.
func (s *scene) block(l *cellLayout, i int, x float64) {
	v := &l.vertices[l.lanes[i+2][0]]
	at := addCenter(v.y)
	at.x += x
	for j, br := range l.a.Cell[i] {
		op := operators[br.Op]
		y := v.y + l.arrival(link{to: l.lanes[i+2][0], slot: j})
		b := box{
			rect:   rect{x + blockPad, y - opHeight/2, x + blockPad + opWidth, y + opHeight/2},
			radius: 5, fill: op.family.fill, stroke: op.family.stroke, lineWidth: 1, solid: true,
		}
		from := point{b.x1, y}
		d := math.Hypot(at.x-from.x, at.y-from.y)
		rim := point{at.x - (at.x-from.x)*addRadius/d, at.y - (at.y-from.y)*addRadius/d}
		s.add(withColor(line(from, rim), wire, 1.4, false), b,
			text(regular, labelSize, ink, point{}, op.label).centered(b.center()))
	}
	s.add(plus(at, addRadius)...)
	s.add(text(regular, 7.5, muted, point{}, "block "+strconv.Itoa(i+1)).
		centered(point{at.x - 1, v.y - v.half + blockPad + 4}))
}

// plus is the sign of a sum.
func plus(at point, radius float64) []item {
	b := circle(at, radius)
	b.fill, b.stroke, b.lineWidth = white, wire, 1.2
	arm := 0.5 * radius
	return []item{b,
		withColor(line(point{at.x - arm, at.y}, point{at.x + arm, at.y}), wire, 1.4, false),
		withColor(line(point{at.x, at.y - arm}, point{at.x, at.y + arm}), wire, 1.4, false),
	}
}

// state adds a box with H and a superscript; pale where nothing reads it.
func (s *scene) state(r rect, super string, used bool) {
	c, border := ink, wire
	if !used {
		c, border = concatInk, faint
	}
	l := label{color: c, runs: []run{
		{text: "H", face: italic, size: 13},
		{text: super, face: italic, size: 8.5, rise: 5},
	}}.centered(r.center())
	s.add(box{rect: r, radius: 6, fill: stateFill, stroke: border, lineWidth: 1, solid: true}, l)
}

// concat adds the bar in which the blocks' outputs end, and returns it.
func (s *scene) concat(l *cellLayout, x float64) rect {
	top, bottom := math.Inf(1), math.Inf(-1)
	for _, v := range l.concat {
		y := l.vertices[v].y
		top, bottom = math.Min(top, y), math.Max(bottom, y)
	}
	r := rect{x, top - 14, x + concatWidth, bottom + 14}
	s.add(box{rect: r, radius: 6, fill: stateFill, stroke: wire, lineWidth: 1, solid: true},
		text(regular, labelSize, ink, point{}, "concat").centered(r.center()))
	return r
}
