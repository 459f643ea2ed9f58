package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"autodeeplab/decode"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestPictureSaysWhatTheArchitectureIs reads both figures back: which line leads from which box to which operator, and
// through which nodes the path goes.
func TestPictureSaysWhatTheArchitectureIs(t *testing.T) {
	for i, a := range architectures(60) {
		if got := readCell(t, Cell(a)); !sameUpToOrder(got, a.Cell) {
			t.Errorf("cell %d (%q) shows %v, want %v", i, a.Name, got, a.Cell)
		}
		if got := readTrellis(t, Trellis(a)); fmt.Sprint(got) != fmt.Sprint(a.Path) {
			t.Errorf("trellis %d (%q) shows %v, want %v", i, a.Name, got, a.Path)
		}
	}
}

// sameUpToOrder compares blocks whose branches may stand in either order.
func sameUpToOrder(got, want []decode.Block) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range want {
		if got[i] != want[i] && got[i] != (decode.Block{want[i][1], want[i][0]}) {
			return false
		}
	}
	return true
}

func readCell(t *testing.T, f *Figure) []decode.Block {
	t.Helper()
	byLabel := map[string]decode.Operator{}
	for op, o := range operators {
		byLabel[o.label] = op
	}
	// Where lines start: input boxes by their text, sums by the block's label in the same frame.
	type frame struct {
		rect
		index int
		n     int // branches found
	}
	within := func(r rect, p point) bool { return p.x >= r.x0 && p.x <= r.x1 && p.y >= r.y0 && p.y <= r.y1 }
	var frames []*frame
	sources := map[int]box{}
	ops := map[*box]decode.Operator{}
	var boxes []*box
	for _, it := range f.items {
		if b, ok := it.(box); ok {
			if b.solid {
				boxes = append(boxes, &b)
			} else {
				frames = append(frames, &frame{rect: b.rect, index: -1})
			}
		}
	}
	for _, it := range f.items {
		l, ok := it.(label)
		if !ok {
			continue
		}
		middle := l.bounds().center()
		for _, fr := range frames {
			if strings.HasPrefix(l.text(), "block ") && within(fr.rect, middle) {
				fmt.Sscanf(l.text(), "block %d", &fr.index)
				fr.index--
			}
		}
		for _, b := range boxes {
			if !within(b.rect, middle) {
				continue
			}
			switch op, isOp := byLabel[l.text()]; {
			case isOp:
				ops[b] = op
			case l.text() == "Hl−1":
				sources[0] = *b
			case l.text() == "Hl−2":
				sources[1] = *b
			}
		}
	}
	for _, fr := range frames {
		if fr.index < 0 {
			t.Fatal("a frame without a block's label")
		}
		for _, b := range boxes {
			if within(fr.rect, b.center()) && math.Abs(2*b.radius-(b.x1-b.x0)) < 1e-6 {
				sources[fr.index+2] = *b
			}
		}
	}
	cell := make([]decode.Block, len(frames))
	toConcat := 0
	for _, it := range f.items {
		c, ok := it.(curve)
		if !ok || !c.head {
			continue
		}
		from, to := c.points[0], c.points[len(c.points)-1]
		source := -1
		for s, b := range sources {
			if math.Abs(depth(b, from)) < 0.01 {
				source = s
			}
		}
		if c.color == concatInk {
			toConcat++
			if source < 2 {
				t.Errorf("state %d is concatenated", source)
			}
			continue
		}
		for b, op := range ops {
			if math.Abs(depth(*b, to)) > 0.01 {
				continue
			}
			for _, fr := range frames {
				if within(fr.rect, to) {
					if fr.n == 2 {
						t.Fatalf("block %d has a third branch", fr.index)
					}
					cell[fr.index][fr.n] = decode.Branch{Input: source, Op: op}
					fr.n++
				}
			}
		}
	}
	if toConcat != len(cell) {
		t.Errorf("%d blocks are concatenated, want %d", toConcat, len(cell))
	}
	return cell
}

func readTrellis(t *testing.T, f *Figure) []int {
	t.Helper()
	rows, columns := map[int]float64{}, map[int]float64{}
	for _, it := range f.items {
		if l, ok := it.(label); ok && l.runs[0].face == bold {
			n, c := 0, l.bounds().center()
			if k, _ := fmt.Sscanf(l.text(), "1/%d", &n); k == 1 {
				rows[int(math.Log2(float64(n)))-2] = l.at.y - capHeight*l.runs[0].size/2
			} else if k, _ := fmt.Sscanf(l.text(), "%d", &n); k == 1 && fmt.Sprint(n) == l.text() {
				columns[n-1] = c.x
			}
		}
	}
	var path []int
	for _, it := range f.items {
		c, ok := it.(curve)
		if !ok || c.color != pathColor {
			continue
		}
		from, to := c.points[0], c.points[len(c.points)-1]
		// An arrow ends at the rim of its node, short of it by the radius.
		for level, y := range rows {
			for l, x := range columns {
				if l == len(path) && math.Hypot(to.x-x, to.y-y) < 14 && from.x < to.x {
					path = append(path, level)
				}
			}
		}
	}
	return path
}

func TestGolden(t *testing.T) {
	var b bytes.Buffer
	for _, f := range []*Figure{Trellis(decode.Published()), Cell(decode.Published())} {
		fmt.Fprintf(&b, "%s\n%.0f×%.0f points\n", f.title, f.w, f.h)
		for _, it := range f.items {
			switch it := it.(type) {
			case label:
				fmt.Fprintf(&b, "text  %6.1f %6.1f  %s\n", it.at.x, it.at.y, it.text())
			case box:
				fmt.Fprintf(&b, "box   %6.1f %6.1f  to %6.1f %6.1f\n", it.x0, it.y0, it.x1, it.y1)
			case curve:
				p, q := it.points[0], it.points[len(it.points)-1]
				fmt.Fprintf(&b, "line  %6.1f %6.1f  to %6.1f %6.1f\n", p.x, p.y, q.x, q.y)
			}
		}
		b.WriteString("\n")
	}
	const path = "testdata/published.txt"
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s differs: look at the pictures and run with -update to accept\n%s", path, b.Bytes())
	}
}

func TestSameBytesEachTime(t *testing.T) {
	for _, a := range architectures(11)[6:] {
		for i, draw := range []func(*decode.Architecture) *Figure{Trellis, Cell} {
			var first []byte
			for range 2 {
				var b bytes.Buffer
				f := draw(a.Clone())
				if err := errors.Join(f.WriteSVG(&b), f.WritePNG(&b, 40)); err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = b.Bytes()
				}
				if !bytes.Equal(b.Bytes(), first) {
					t.Errorf("figure %d of %q differs from run to run", i, a.Name)
				}
			}
		}
	}
}

func TestSVG(t *testing.T) {
	for _, a := range architectures(10) {
		for _, f := range []*Figure{Trellis(a), Cell(a)} {
			var b bytes.Buffer
			if err := f.WriteSVG(&b); err != nil {
				t.Fatal(err)
			}
			names := map[string]int{}
			title := ""
			d := xml.NewDecoder(&b)
			for {
				token, err := d.Token()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%q: not XML: %v", a.Name, err)
				}
				if e, ok := token.(xml.StartElement); ok {
					names[e.Name.Local]++
					if e.Name.Local == "title" {
						if err := d.DecodeElement(&title, &e); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if title != f.title || !strings.Contains(title, a.Name) {
				t.Errorf("title %q, want %q", title, f.title)
			}
			for name := range names {
				if !strings.Contains("svg title g path", name) {
					t.Errorf("%q: an element <%s>: more than outlines", a.Name, name)
				}
			}
			if names["svg"] != 1 || names["title"] != 1 || names["path"] < 20 {
				t.Errorf("%q: elements %v", a.Name, names)
			}
		}
	}
}

func TestPNG(t *testing.T) {
	f := Trellis(decode.Published())
	var b bytes.Buffer
	const dpi = 144
	if err := f.WritePNG(&b, dpi); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	w, h := f.Size()
	if got := img.Bounds(); got.Dx() != int(w*dpi/72+0.5) || got.Dy() != int(h*dpi/72+0.5) {
		t.Errorf("%v pixels for %g×%g points at %d dots an inch", got, w, h, dpi)
	}
	// The pixel in the middle of each box has the colour of the box, unless text or a sign lies there.
	for _, it := range f.items {
		x, ok := it.(box)
		if !ok || math.Abs(2*x.radius-(x.x1-x.x0)) > 1e-6 {
			continue
		}
		c := x.center()
		r, g, bl, a := img.At(int(c.x*dpi/72), int(c.y*dpi/72)).RGBA()
		got := color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(bl >> 8), uint8(a >> 8)}
		if got != x.fill {
			t.Errorf("at %v the picture is %v, want %v", c, got, x.fill)
		}
	}
}

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.room {
		return 0, errFull
	}
	f.room -= len(p)
	return len(p), nil
}

var errFull = errors.New("no space left")

func TestErrors(t *testing.T) {
	bad := decode.Published()
	bad.Path[1] = 3
	want := bad.Validate()
	for _, f := range []*Figure{Trellis(bad), Cell(bad)} {
		if err := f.WriteSVG(io.Discard); err == nil || err.Error() != want.Error() {
			t.Errorf("SVG of an invalid architecture: %v", err)
		}
		if err := f.WritePNG(io.Discard, DefaultDPI); err == nil || err.Error() != want.Error() {
			t.Errorf("PNG of an invalid architecture: %v", err)
		}
	}
	f := Cell(decode.Published())
	for _, dpi := range []int{-1, 0, 9, 1 << 40} {
		err := f.WritePNG(io.Discard, dpi)
		if want := fmt.Sprintf("draw: %d dots an inch; this figure of ", dpi); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%d dots an inch: %v", dpi, err)
		}
	}
	for _, room := range []int{0, 300, 5000} {
		if err := f.WriteSVG(&full{room}); !errors.Is(err, errFull) {
			t.Errorf("SVG with room for %d bytes: %v", room, err)
		}
		if err := f.WritePNG(&full{room}, DefaultDPI); !errors.Is(err, errFull) {
			t.Errorf("PNG with room for %d bytes: %v", room, err)
		}
	}
}
