package temporaldev

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/searchattribute/sadefs"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// ensureNamespace creates the namespace with its retention and search attributes, or adds missing search attributes to an existing one.
func ensureNamespace(ctx context.Context, db sqlplugin.DB, opts Options) error {
	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &opts.Namespace})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read namespace %q: %w", opts.Namespace, err)
	}
	if len(rows) == 0 {
		return createNamespace(ctx, db, opts)
	}
	return addSearchAttributes(ctx, db, rows[0], opts.SearchAttributes)
}

func createNamespace(ctx context.Context, db sqlplugin.DB, opts Options) error {
	namespace, err := sqliteschema.NewNamespaceConfig(clusterName, opts.Namespace, false, nil)
	if err != nil {
		return fmt.Errorf("describe namespace %q: %w", opts.Namespace, err)
	}
	namespace.Detail.Config.Retention = durationpb.New(opts.Retention)
	if _, err := assignFields(namespace.Detail.Config, opts.SearchAttributes); err != nil {
		return err
	}
	id, err := primitives.ParseUUID(namespace.Detail.Info.Id)
	if err != nil {
		return fmt.Errorf("id of namespace %q: %w", opts.Namespace, err)
	}
	row := &sqlplugin.NamespaceRow{ID: id, Name: opts.Namespace}
	if err := encodeDetail(row, namespace.Detail); err != nil {
		return err
	}
	if _, err := db.InsertIntoNamespace(ctx, row); err != nil {
		return fmt.Errorf("create namespace %q: %w", opts.Namespace, err)
	}
	return nil
}

func addSearchAttributes(
	ctx context.Context, db sqlplugin.DB, row sqlplugin.NamespaceRow, wanted map[string]enumspb.IndexedValueType,
) error {
	encoding, err := enumspb.EncodingTypeFromString(row.DataEncoding)
	if err != nil {
		return fmt.Errorf("encoding of namespace %q: %w", row.Name, err)
	}
	detail, err := serialization.NewSerializer().NamespaceDetailFromBlob(
		&commonpb.DataBlob{Data: row.Data, EncodingType: encoding})
	if err != nil {
		return fmt.Errorf("decode namespace %q: %w", row.Name, err)
	}
	changed, err := assignFields(detail.Config, wanted)
	if err != nil || !changed {
		return err
	}
	if err := encodeDetail(&row, detail); err != nil {
		return err
	}
	if _, err := db.UpdateNamespace(ctx, &row); err != nil {
		return fmt.Errorf("add search attributes to namespace %q: %w", row.Name, err)
	}
	return nil
}

// assignFields gives each wanted attribute that the namespace lacks one of the database's generic columns: on SQL
// stores a custom search attribute is an alias, kept with the namespace, for a column such as Keyword01.
func assignFields(config *persistencespb.NamespaceConfig, wanted map[string]enumspb.IndexedValueType) (changed bool, err error) {
	columns := sadefs.GetDBIndexSearchAttributes(nil).CustomSearchAttributes
	columnOf := make(map[string]string, len(config.CustomSearchAttributeAliases))
	for column, name := range config.CustomSearchAttributeAliases {
		columnOf[name] = column
	}
	if config.CustomSearchAttributeAliases == nil {
		config.CustomSearchAttributeAliases = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if column, ok := columnOf[name]; ok {
			if columns[column] != wanted[name] {
				return false, fmt.Errorf("search attribute %s exists as %s, wanted as %s", name, columns[column], wanted[name])
			}
			continue
		}
		column, ok := freeColumn(columns, config.CustomSearchAttributeAliases, wanted[name])
		if !ok {
			return false, fmt.Errorf("search attribute %s: no column of type %s is left", name, wanted[name])
		}
		config.CustomSearchAttributeAliases[column] = name
		changed = true
	}
	return changed, nil
}

func freeColumn(
	columns map[string]enumspb.IndexedValueType, taken map[string]string, wanted enumspb.IndexedValueType,
) (string, bool) {
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if _, used := taken[column]; !used && columns[column] == wanted {
			return column, true
		}
	}
	return "", false
}

func encodeDetail(row *sqlplugin.NamespaceRow, detail *persistencespb.NamespaceDetail) error {
	blob, err := serialization.NewSerializer().NamespaceDetailToBlob(detail)
	if err != nil {
		return fmt.Errorf("encode namespace %q: %w", row.Name, err)
	}
	row.Data, row.DataEncoding = blob.GetData(), blob.GetEncodingType().String()
	return nil
}
