package settings_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/elastic-service/elastic-service/settings"
)

const namespace = "elastic-service:"

func TestDocumentHasARowForEveryFieldAndNoOther(t *testing.T) {
	var documented []string
	for field := range rows(t) {
		documented = append(documented, field)
	}
	assert.ElementsMatch(t, accepted(t), documented)
}

func TestDocumentShowsTheDefaultsOfTheProject(t *testing.T) {
	content, err := os.ReadFile("../Pulumi.yaml")
	require.NoError(t, err)
	var project struct {
		Config map[string]struct{ Default any }
	}
	require.NoError(t, yaml.Unmarshal(content, &project))
	table := rows(t)
	for section, declared := range project.Config {
		fields, isObject := declared.Default.(map[string]any)
		if !isObject && declared.Default != nil {
			assert.Equal(t, fmt.Sprintf("`%v`", declared.Default), table[section][3], "default of %s", section)
		}
		for field, value := range fields {
			path := section + "." + field
			if assert.Contains(t, table, path) {
				assert.Equal(t, fmt.Sprintf("`%v`", value), table[path][3], "default of %s", path)
			}
		}
	}
}

func TestSmallestStackOfTheDocumentIsComplete(t *testing.T) {
	smallest := stack(t, block(t, "# Settings", "yaml"))
	_, err := settings.Parse(smallest)
	require.NoError(t, err)
	for key := range smallest {
		without := stack(t, block(t, "# Settings", "yaml"))
		delete(without, key)
		_, err := settings.Parse(without)
		assert.ErrorContains(t, err, strings.TrimPrefix(key, namespace)+": ", "without it")
	}
}

func TestFaultyFileOfTheDocumentGetsTheMessagesOfTheDocument(t *testing.T) {
	_, err := settings.Parse(stack(t, block(t, "## A file with mistakes", "yaml")))
	require.Error(t, err)
	assert.Equal(t, block(t, "## A file with mistakes", "text"), err.Error()+"\n")
}

func document(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../docs/settings.md")
	require.NoError(t, err)
	return string(content)
}

// rows are the cells of the document's tables of fields, by the field: `zones` in the section `network` is network.zones.
func rows(t *testing.T) map[string][]string {
	t.Helper()
	heading, row := regexp.MustCompile("^## `([^`]+)`$"), regexp.MustCompile("^\\| `([^`]+)` \\|")
	table := map[string][]string{}
	section := ""
	for line := range strings.SplitSeq(document(t), "\n") {
		if strings.HasPrefix(line, "#") {
			section = ""
			if found := heading.FindStringSubmatch(line); found != nil {
				section = found[1]
			}
		}
		found := row.FindStringSubmatch(line)
		if section == "" || found == nil {
			continue
		}
		field := section
		if found[1] != section {
			field += "." + found[1]
		}
		assert.NotContains(t, table, field, "a second row")
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		assert.Len(t, cells, 6, "cells of %s", field)
		table[field] = cells
	}
	return table
}

// block is the first code block of a language below a heading.
func block(t *testing.T, heading, language string) string {
	t.Helper()
	_, below, found := strings.Cut("\n"+document(t), "\n"+heading+"\n")
	require.True(t, found, heading)
	_, code, found := strings.Cut(below, "```"+language+"\n")
	require.True(t, found, "a block of %s", language)
	code, _, _ = strings.Cut(code, "```")
	return code
}

// stack is a stack file as Pulumi hands it to the program.
func stack(t *testing.T, file string) map[string]string {
	t.Helper()
	var content struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal([]byte(file), &content))
	config := map[string]string{}
	for key, value := range content.Config {
		if text, ok := value.(string); ok {
			config[key] = text
		} else {
			config[key] = encode(t, value)
		}
	}
	return config
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

// accepted lists the fields that Parse takes, with [] for an element of a list.
func accepted(t *testing.T) []string {
	t.Helper()
	var fields []string
	for _, key := range settings.Keys() {
		key = strings.TrimPrefix(key, namespace)
		if inner := within(t, key); inner != nil {
			fields = append(fields, inner...)
		} else {
			fields = append(fields, key)
		}
	}
	return fields
}

const element = "[0]"

// within lists the fields within a value: Parse is given an object with a field that does not exist, and says which do.
func within(t *testing.T, path ...string) []string {
	t.Helper()
	name := strings.ReplaceAll(strings.Join(path, "."), "."+element, element)
	value := any(map[string]any{"?": nil})
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == element {
			value = []any{value}
		} else {
			value = map[string]any{path[i]: value}
		}
	}
	_, err := settings.Parse(map[string]string{namespace + path[0]: encode(t, value)})
	require.Error(t, err)
	var fields []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line == name+": an object is not a list" {
			return within(t, append(path[:len(path):len(path)], element)...)
		}
		if strings.HasPrefix(line, name+".?: nothing is not an object: ") {
			return within(t, append(path[:len(path):len(path)], "NAME")...)
		}
		known, isObject := strings.CutPrefix(line, name+".?: is not a setting: there are ")
		if !isObject {
			continue
		}
		for field := range strings.SplitSeq(known, ", ") {
			fields = append(fields, strings.ReplaceAll(name, element, "[]")+"."+field)
			fields = append(fields, within(t, append(path[:len(path):len(path)], field)...)...)
		}
	}
	return fields
}
