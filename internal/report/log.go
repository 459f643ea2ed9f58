package report

import (
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"autodeeplab/internal/atomicfile"
)

// Column is a number of the records R of epochs: a column of the table, and a chart of TensorBoard where it has a tag. ok
// is false where a record lacks it.
type Column[R any] struct {
	Name, Tag string
	Value     func(R) (value float64, ok bool)
}

// Texts are further columns of the table.
type Texts[R any] struct {
	Names  []string
	Values func(R) []string
}

// Log keeps the log of a search or a training in its folder: a table that is a function of the history and written anew
// whenever it is flushed, and an event file of its own for every run.
type Log[R any] struct {
	columns []Column[R]
	texts   Texts[R]
	events  *Events
	file    *os.File
	err     error // the first of the event file's, kept for Flush
}

// NewLog begins a log. Without a folder, or where nothing is going to happen, there is no event file.
func NewLog[R any](dir string, events bool, columns []Column[R], texts Texts[R]) (*Log[R], error) {
	l := &Log[R]{columns: columns, texts: texts}
	if !events {
		return l, nil
	}
	now := time.Now()
	f, err := os.Create(filepath.Join(dir, EventsFile(now)))
	if err != nil {
		return nil, err
	}
	if l.events, err = NewEvents(f, now); err != nil {
		f.Close()
		return nil, err
	}
	l.file = f
	return l, nil
}

// Scalar adds a value to the event file.
func (l *Log[R]) Scalar(step int, tag string, value float64) {
	if l.err == nil && l.events != nil {
		l.err = l.events.Scalar(time.Now(), step, tag, value)
	}
}

// Epoch adds a record to the event file.
func (l *Log[R]) Epoch(epoch int, r R) {
	for _, c := range l.columns {
		if v, ok := c.Value(r); ok && c.Tag != "" {
			l.Scalar(epoch, c.Tag, v)
		}
	}
}

// Flush writes the table, whole or not at all, and tells of what went wrong with the event file.
func (l *Log[R]) Flush(path string, history []R) error {
	if l.err != nil {
		return l.err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		c := csv.NewWriter(w)
		var row []string
		for _, column := range l.columns {
			row = append(row, column.Name)
		}
		if err := c.Write(append(row, l.texts.Names...)); err != nil {
			return err
		}
		for _, r := range history {
			row = row[:0]
			for _, column := range l.columns {
				text := ""
				if v, ok := column.Value(r); ok {
					text = strconv.FormatFloat(v, 'g', -1, 64)
				}
				row = append(row, text)
			}
			if l.texts.Values != nil {
				row = append(row, l.texts.Values(r)...)
			}
			if err := c.Write(row); err != nil {
				return err
			}
		}
		c.Flush()
		return c.Error()
	})
}

// Close ends the event file.
func (l *Log[R]) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Plot makes a curve of a column over the epochs, which are its first column, times scale.
func Plot[R any](name string, columns []Column[R], column string, scale float64, history []R) Curve {
	for _, c := range columns {
		if c.Name != column {
			continue
		}
		return Points(name, len(history), func(i int) (x, y float64, ok bool) {
			x, _ = columns[0].Value(history[i])
			y, ok = c.Value(history[i])
			return x, scale * y, ok
		})
	}
	return Points(name, 0, func(int) (float64, float64, bool) { return 0, math.NaN(), false })
}
