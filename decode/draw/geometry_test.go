package draw

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"

	"autodeeplab/decode"
)

// architectures returns the published one, extremes, and random ones to the given number.
func architectures(n int) []*decode.Architecture {
	ops := decode.Operators()[1:]
	wired := func(name string, blocks int, path []int, input func(block, branch int) int) *decode.Architecture {
		a := &decode.Architecture{Name: name, Path: path}
		for i := range blocks {
			var b decode.Block
			for j := range b {
				b[j] = decode.Branch{Input: input(i, j), Op: ops[(3*i+j)%len(ops)]}
			}
			a.Cell = append(a.Cell, b)
		}
		return a
	}
	r := rand.New(rand.NewPCG(7, 11))
	zigzag := []int{1, 0, 1, 2, 3, 2, 3, 2, 1, 0, 1, 0, 1, 2, 3, 3}
	list := []*decode.Architecture{
		decode.Published(),
		wired("", 1, []int{0}, func(_, j int) int { return j }),
		wired("the same input twice", 1, []int{1}, func(_, _ int) int { return 1 }),
		wired("chain", 8, zigzag, func(i, j int) int { return max(0, i+1-j) }),
		wired("ladder", 8, zigzag, func(i, j int) int { return max(j, i+1-2*j) }),
		wired("one input, always", 8, make([]int, 16), func(_, _ int) int { return 0 }),
		wired("side by side", 8, make([]int, 12), func(_, j int) int { return j }),
		wired("one block feeds all", 8, make([]int, 4), func(i, j int) int { return min(2, i+j) }),
		wired(strings.Repeat("W", decode.MaxNameBytes), 5, make([]int, 12), func(i, _ int) int { return i }),
		wired("日本語 Ångström ÿ <&> \"q\"", 2, []int{0, 1, 2}, func(i, j int) int { return j }),
	}
	for len(list) < n {
		path, k := make([]int, 1+r.IntN(16)), 0
		for l := range path {
			k = min(decode.NumLevels-1, max(0, k+r.IntN(3)-1))
			path[l] = k
		}
		recent := r.IntN(4) // some prefer late states: deep cells
		list = append(list, wired(fmt.Sprintf("random %d", len(list)), 1+r.IntN(8), path, func(i, _ int) int {
			s := r.IntN(i + 2)
			for range recent {
				s = max(s, r.IntN(i+2))
			}
			return s
		}))
	}
	return list
}

// TestGeometry measures every figure: text inside the canvas, apart from other text and either inside a box or outside
// of it; boxes apart; lines through no box, no block but their own and no text.
func TestGeometry(t *testing.T) {
	for i, a := range architectures(210) {
		if err := a.Validate(); err != nil {
			t.Fatalf("%q: %v", a.Name, err)
		}
		for kind, f := range map[string]*Figure{"trellis": Trellis(a), "cell": Cell(a)} {
			if w, h := f.Size(); w > screenWidth || h > screenHeight {
				t.Errorf("%s of %d (%q): %.0f×%.0f points, more than a screen", kind, i, a.Name, w, h)
			}
			for _, problem := range flaws(f) {
				t.Errorf("%s of %d (%q): %s\n%s", kind, i, a.Name, problem, a)
			}
			if t.Failed() {
				return
			}
		}
	}
}

// TestLargest holds that the limits of an architecture are drawn soundly, if on more than a screen, and in good time.
func TestLargest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, recent := range []int{0, 60} { // wide, and nearly a chain
		a := &decode.Architecture{Name: "largest", Path: make([]int, decode.MaxLayers)}
		for i := range decode.MaxBlocks {
			s := 0
			for range recent {
				s = max(s, r.IntN(i+2))
			}
			a.Cell = append(a.Cell, decode.Block{{Input: max(s, r.IntN(i+2)), Op: 4}, {Input: r.IntN(i + 2), Op: 6}})
		}
		start := time.Now()
		for kind, f := range map[string]*Figure{"trellis": Trellis(a), "cell": Cell(a)} {
			for _, problem := range flaws(f) {
				t.Errorf("%s: %s", kind, problem)
			}
			w, h := f.Size()
			t.Logf("%s: %.0f×%.0f points, %v", kind, w, h, time.Since(start))
		}
	}
}

// flaws lists what is wrong with the layout of a figure.
func flaws(f *Figure) []string {
	var problems []string
	fail := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var labels []label
	var rooms []rect        // of the labels
	var boxes, frames []box // frames group the parts of a block: only its own lines may run in them
	var curves []curve
	for _, it := range f.items {
		switch it := it.(type) {
		case label:
			labels, rooms = append(labels, it), append(rooms, it.bounds())
		case box:
			if it.x0 < 1 || it.y0 < 1 || it.x1 > f.w-1 || it.y1 > f.h-1 {
				fail("box %v leaves the canvas %v×%v", it.rect, f.w, f.h)
			}
			if it.solid {
				boxes = append(boxes, it)
			} else {
				frames = append(frames, it)
			}
		case curve:
			curves = append(curves, it)
		}
	}
	for i, l := range labels {
		b := rooms[i]
		if b.x0 < 4 || b.y0 < 4 || b.x1 > f.w-4 || b.y1 > f.h-4 {
			fail("text %q at %v leaves the canvas %v×%v", l.text(), b, f.w, f.h)
		}
		for j, m := range labels[:i] {
			if apart(b, rooms[j]) < 0 {
				fail("text %q at %v overlaps %q at %v", l.text(), b, m.text(), rooms[j])
			}
		}
		for _, x := range boxes {
			inside := b.x0 > x.x0+1 && b.x1 < x.x1-1 && l.at.y < x.y1-1 && l.at.y-capHeight*l.runs[0].size > x.y0+1
			if !inside && apart(b, x.rect) < 0 {
				fail("text %q at %v straddles the box %v", l.text(), b, x.rect)
			}
		}
	}
	for i, x := range boxes {
		for _, y := range boxes[:i] {
			if apart(x.rect, y.rect) < 2 {
				fail("boxes %v and %v are less than 2 points apart", x.rect, y.rect)
			}
		}
	}
	for _, c := range curves {
		points := sampled(c)
		reach := rect{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
		for _, p := range points {
			reach = rect{min(reach.x0, p.x), min(reach.y0, p.y), max(reach.x1, p.x), max(reach.y1, p.y)}
		}
		for _, x := range boxes {
			if apart(reach, x.rect) > 0 {
				continue
			}
			in := 0
			for _, p := range points {
				if depth(x, p) > 0.3 {
					in++
				}
			}
			if in > 0 && in < len(points) { // all of it: the arms of a plus
				fail("the line from %v to %v runs through the box %v", points[0], points[len(points)-1], x.rect)
			}
		}
		for _, x := range frames {
			if apart(reach, x.rect) > 0 || depth(x, points[0]) > 0 || depth(x, points[len(points)-1]) > 0 {
				continue
			}
			for _, p := range points {
				if depth(x, p) > 0 {
					fail("the line from %v to %v runs through the block %v", points[0], points[len(points)-1], x.rect)
					break
				}
			}
		}
		for j, l := range labels {
			b := rooms[j]
			if apart(reach, b) > c.lineWidth {
				continue
			}
			for _, p := range points {
				if math.Min(math.Min(p.x-b.x0, b.x1-p.x), math.Min(p.y-b.y0, b.y1-p.y)) > -c.lineWidth/2 {
					fail("the line from %v to %v runs through %q", points[0], points[len(points)-1], l.text())
					break
				}
			}
		}
	}
	return problems
}

// apart is how far two rectangles are from each other along the axis that separates them more; below 0 they overlap.
func apart(a, b rect) float64 {
	return math.Max(math.Max(a.x0-b.x1, b.x0-a.x1), math.Max(a.y0-b.y1, b.y0-a.y1))
}

// depth is how deep p lies inside a box with round corners; below 0 it lies outside.
func depth(b box, p point) float64 {
	c := b.center()
	dx := math.Abs(p.x-c.x) - ((b.x1-b.x0)/2 - b.radius)
	dy := math.Abs(p.y-c.y) - ((b.y1-b.y0)/2 - b.radius)
	if dx > 0 && dy > 0 {
		return b.radius - math.Hypot(dx, dy)
	}
	return b.radius - math.Max(dx, dy)
}

// sampled returns points of a curve, ends included, some two points apart or less.
func sampled(c curve) []point {
	points := []point{c.points[0]}
	for i := 0; i+3 < len(c.points); i += 3 {
		p := c.points[i : i+4]
		n := 8 + int(math.Hypot(p[3].x-p[0].x, p[3].y-p[0].y))
		for k := 1; k <= n; k++ {
			t := float64(k) / float64(n)
			u := 1 - t
			w := [4]float64{u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t}
			var q point
			for j := range w {
				q.x += w[j] * p[j].x
				q.y += w[j] * p[j].y
			}
			points = append(points, q)
		}
	}
	return points
}

// TestMeasure compares the width of text with gonum's, and the outlines with the room that bounds claims.
func TestMeasure(t *testing.T) {
	for _, f := range []*face{regular, bold, italic} {
		for _, s := range []string{"", "H", "sep 5×5", "AVATAR To. 1/32", "l−1", "Ångström ÿqgÇ|", "日"} {
			r := run{text: s, face: f, size: 9.5}
			gonum := font.Face{Font: font.Font{Size: vg.Length(r.size)}, Face: f.font()}
			if got, want := r.width(), gonum.Width(s).Points(); math.Abs(got-want) > 1e-9 {
				t.Errorf("%q is %g wide, gonum says %g", s, got, want)
			}
			const height = 100
			l := label{runs: []run{r}, at: point{20, 30}}
			b := l.bounds()
			for _, c := range r.outline(l.at, height) {
				if c.Type == vg.CloseComp {
					continue
				}
				x, y := c.Pos.X.Points(), height-c.Pos.Y.Points()
				// Letters such as an italic l or j lean out of their advance by a little.
				if x < b.x0-2 || x > b.x1+2 || y < b.y0 || y > b.y1 {
					t.Errorf("%q: a point at %g, %g is outside %v", s, x, y, b)
				}
			}
		}
	}
	if s := fitted(bold, 10, 50, "a name that is far too long"); (run{text: s, face: bold, size: 10}).width() > 50 || !strings.HasSuffix(s, "…") {
		t.Errorf("fitted to 50 points: %q", s)
	}
}
