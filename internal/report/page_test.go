package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"autodeeplab/decode"
	"autodeeplab/internal/report"
)

// TestEvents compares an event file with the one that testdata/events.py makes.
func TestEvents(t *testing.T) {
	want, err := os.ReadFile("testdata/events.golden")
	if err != nil {
		t.Fatal(err)
	}
	at := func(ms int64) time.Time { return time.UnixMilli(1700000000000 + ms) }
	var b bytes.Buffer
	e, err := report.NewEvents(&b, at(500))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Scalar(at(1250), 1, "epoch/loss", 0.75), e.Scalar(at(2000), 300, "step/rate", 0.025)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("wrote\n%x\nwant\n%x", b.Bytes(), want)
	}
}

func newPage(t *testing.T) *report.Page {
	t.Helper()
	r := decode.OneHot(decode.Published())
	for i := range r.Alpha {
		r.Alpha[i] /= 10
	}
	for i := range r.Beta {
		r.Beta[i] /= 20
	}
	d, err := r.Decode(decode.DecodeOptions{Top: 3, Name: "found"})
	if err != nil {
		t.Fatal(err)
	}
	return &report.Page{
		Title: "A <script> & \"search\"", Options: []report.Option{{Name: "--seed", Value: "<1>"}}, Warnings: []string{"be < careful"},
		Charts: []report.Chart{
			{Title: "Loss", Unit: "a < b", Curves: []report.Curve{{Name: "half <A>", X: []float64{1, 2, 3}, Y: []float64{2, math.NaN(), 0.5}}}},
			{Title: "Nothing", Curves: []report.Curve{{Name: "none", X: []float64{1}, Y: []float64{math.NaN()}}}},
			{Title: "One point", Curves: []report.Curve{{Name: "point", X: []float64{1}, Y: []float64{7}}}},
		},
		Search: &report.Search{Relaxation: r, Decoding: d},
	}
}

func html(t *testing.T, p *report.Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	text := html(t, newPage(t))
	if text != html(t, newPage(t)) {
		t.Error("the same page gives other bytes")
	}
	for _, want := range []string{"A &lt;script&gt; &amp; &#34;search&#34;", "&lt;1&gt;", "be &lt; careful", "half &lt;A&gt;", "a &lt; b",
		"1/4 1/4 1/4 1/8 1/16 1/8 1/16 1/16 1/32 1/32 1/16 1/8", "block 4 ← block 3", "sep_conv_5x5"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"Nothing", "<script>", "http://", "https://", "ZgotmplZ", "NaN"} {
		if strings.Contains(strings.ReplaceAll(text, "http://www.w3.org/", ""), not) {
			t.Errorf("the page has %q", not)
		}
	}
	if n := strings.Count(text, `class="move chosen"`); n != 12 {
		t.Errorf("%d moves of the trellis are marked, want 12", n)
	}
	if n := strings.Count(text, `class="chosen"`); n != 10 {
		t.Errorf("%d operators are marked, want 10", n)
	}
	svgs := 0
	for rest := text; ; svgs++ {
		start := strings.Index(rest, "<svg")
		if start < 0 {
			break
		}
		end := start + strings.Index(rest[start:], "</svg>") + len("</svg>")
		d := xml.NewDecoder(strings.NewReader(rest[start:end]))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("figure %d is not well-formed: %v", svgs, err)
			}
		}
		rest = rest[end:]
	}
	if svgs != 4 { // two charts, the trellis and the cell
		t.Errorf("%d figures, want 4", svgs)
	}
}

// TestTrainingPage has a network, classes and samples, but no search.
func TestTrainingPage(t *testing.T) {
	data, err := report.Triptych(make([]uint8, 3*6), make([]uint8, 6), make([]uint8, 6), 2, 3, []color.RGBA{{1, 2, 3, 255}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	p := &report.Page{Title: "Training", Lines: []string{"mIoU < 50 %"}, Training: &report.Training{
		Architecture: decode.Published(), Epoch: 7,
		Classes: []report.Class{{Name: "a<b", Colour: color.RGBA{0x80, 0x40, 0x20, 255}, IoU: 0.12345}, {Name: "absent", IoU: -1}},
		Samples: []report.Sample{{Epoch: 3, Name: "x\" onerror=", PNG: data}},
	}}
	text := html(t, p)
	if text != html(t, p) {
		t.Error("the same page gives other bytes")
	}
	for _, want := range []string{"mIoU &lt; 50 %", "a&lt;b", "background:#804020", "12.35", "–", "after epoch 7", "src=\"data:image/png;base64,iVBOR", "x&#34; onerror=, after epoch 3"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"ZgotmplZ", "Decoded path", "α"} {
		if strings.Contains(text, not) {
			t.Errorf("the page has %q", not)
		}
	}
	if n := strings.Count(text, "<svg"); n != 2 {
		t.Errorf("%d figures, want the path and the cell", n)
	}
}

// TestTriptych draws a picture of two colours at its own size and smaller.
func TestTriptych(t *testing.T) {
	rgb := []uint8{9, 8, 7, 9, 8, 7, 9, 8, 7, 9, 8, 7, 9, 8, 7, 9, 8, 7, 9, 8, 7, 9, 8, 7}
	palette := []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}}
	for _, c := range []struct{ most, w, h int }{{10, 4, 2}, {2, 2, 1}} {
		data, err := report.Triptych(rgb, []uint8{0, 0, 255, 255, 0, 0, 255, 255}, []uint8{1, 1, 0, 0, 1, 1, 0, 0}, 2, 4, palette, c.most)
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(bytes.NewReader(data))
		if err != nil || m.Bounds().Dx() != 3*c.w+8 || m.Bounds().Dy() != c.h {
			t.Fatalf("%v, %v", m.Bounds(), err)
		}
		last := c.w - 1
		for _, p := range []struct {
			x    int
			want color.RGBA
		}{{0, color.RGBA{9, 8, 7, 255}}, {c.w + 4, palette[0]}, {c.w + 4 + last, color.RGBA{A: 255}}, {2 * (c.w + 4), palette[1]}, {2*(c.w+4) + last, palette[0]}} {
			if got := color.RGBAModel.Convert(m.At(p.x, c.h-1)); got != p.want {
				t.Errorf("at most %d: column %d is %v, want %v", c.most, p.x, got, p.want)
			}
		}
	}
}

func TestLog(t *testing.T) {
	type record struct{ epoch, loss float64 }
	columns := []report.Column[record]{
		{Name: "epoch", Value: func(r record) (float64, bool) { return r.epoch, true }},
		{Name: "loss", Tag: "epoch/loss", Value: func(r record) (float64, bool) { return r.loss, r.loss > 0 }},
	}
	dir := t.TempDir()
	l, err := report.NewLog(dir, true, columns, report.Texts[record]{Names: []string{"text"}, Values: func(r record) []string { return []string{"a, \"b\""} }})
	if err != nil {
		t.Fatal(err)
	}
	history := []record{{1, 0.5}, {2, -1}}
	l.Epoch(1, history[0])
	l.Scalar(3, "step/loss", 0.25)
	path := dir + "/log.csv"
	if err := errors.Join(l.Flush(path, history), l.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if want := "epoch,loss,text\n1,0.5,\"a, \"\"b\"\"\"\n2,,\"a, \"\"b\"\"\"\n"; err != nil || string(data) != want {
		t.Errorf("the table is %q, %v", data, err)
	}
	events, err := os.ReadDir(dir)
	if err != nil || len(events) != 2 {
		t.Fatalf("%v, %v", events, err)
	}
	if c := report.Plot("l", columns, "loss", 10, history); len(c.X) != 2 || c.X[1] != 2 || c.Y[0] != 5 || !math.IsNaN(c.Y[1]) {
		t.Errorf("curve %+v", c)
	}
	l.Scalar(4, "late", 1) // into a closed file
	if l.Flush(path, history) == nil {
		t.Error("what the event file lost is not told")
	}
}
