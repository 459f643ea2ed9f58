package report

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"

	"autodeeplab/internal/atomicfile"
)

// Column is one column of a CSV file: its name, and what it says of a record.
type Column[T any] struct {
	Name  string
	Value func(T) string
}

// WriteCSV writes a line with the columns' names and one for each record to the file at path, as RFC 4180 has it but with
// lines that end in a newline alone. The file is replaced as a whole or not at all, so that it can be written anew after
// every record: equal records give equal bytes, however often the run was stopped in between.
func WriteCSV[T any](path string, columns []Column[T], records []T) error {
	if err := atomicfile.Sweep(path); err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error { return EncodeCSV(w, columns, records) })
}

// EncodeCSV writes what [WriteCSV] writes to w.
func EncodeCSV[T any](w io.Writer, columns []Column[T], records []T) error {
	c := csv.NewWriter(w)
	line := make([]string, len(columns))
	for i, column := range columns {
		line[i] = column.Name
	}
	if err := c.Write(line); err != nil {
		return err
	}
	for _, r := range records {
		for i, column := range columns {
			line[i] = column.Value(r)
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// Number is the shortest text that reads back as x, and nothing where x is not finite: a value that is not there.
func Number(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
