//! What each form of statement defines, by its syntax tree.

use crate::format::ddl::ObjectKind as Kind;
use crate::tree::ddl::dialect::is_named_within_table;
use crate::tree::ddl::names::within;
use crate::tree::ddl::objects::Walk;
use sqlparser::ast::{
    AlterColumnOperation, AlterFunctionKind, AlterIndexOperation, AlterTableOperation, AlterTypeOperation,
    ArrayElemTypeDef, ColumnDef, ColumnOption, CommentObject, CopySource, CreateTable, CreateTableLikeKind,
    CreateTrigger, DataType, GrantObjects, ObjectName, ObjectType, RenameTableNameKind, SchemaName,
    Statement, TableConstraint, UserDefinedTypeRepresentation,
};

/// Whether what stands inside a statement is done only when what it defines runs.
pub fn is_routine(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::CreateFunction(_) | Statement::CreateProcedure { .. } | Statement::CreateTrigger(_)
    )
}

/// Notes what a statement defines. What its queries refer to is noted by the walk.
pub fn statement(walk: &mut Walk, statement: &Statement) {
    match statement {
        Statement::CreateTable(table) => create_table(walk, table),
        Statement::CreateVirtualTable { name, .. } => walk.creates(Kind::Table, walk.name(name)),
        Statement::CreateView(view) => {
            let kind = if view.materialized { Kind::MaterializedView } else { Kind::View };
            walk.creates(kind, walk.name(&view.name));
        }
        Statement::CreateIndex(index) => {
            let table = walk.name(&index.table_name);
            let name = index.name.as_ref().and_then(|name| walk.name(name));
            walk.creates(Kind::Index, placed(walk, name, table.as_deref(), false));
            walk.depends(Kind::Table, table);
        }
        Statement::CreateTrigger(trigger) => create_trigger(walk, trigger),
        Statement::CreateFunction(function) => {
            walk.creates(Kind::Function, walk.name(&function.name));
            let types = function.args.iter().flatten().map(|argument| &argument.data_type);
            types.for_each(|data_type| walk.data_type(data_type));
        }
        Statement::CreateMacro { name, .. } => walk.creates(Kind::Function, walk.name(name)),
        Statement::CreateProcedure { name, .. } => walk.creates(Kind::Procedure, walk.name(name)),
        Statement::CreateSequence { name, owned_by, .. } => {
            walk.creates(Kind::Sequence, walk.name(name));
            let owner = owned_by.as_ref().and_then(table_of_column);
            walk.depends(Kind::Table, owner.and_then(|name| walk.name(&name)));
        }
        Statement::CreateDomain(domain) => {
            walk.creates(Kind::Domain, walk.name(&domain.name));
            walk.data_type(&domain.data_type);
        }
        Statement::CreateType { name, representation } => {
            walk.creates(Kind::Type, walk.name(name));
            if let Some(UserDefinedTypeRepresentation::Composite { attributes }) = representation {
                attributes.iter().for_each(|attribute| walk.data_type(&attribute.data_type));
            }
        }
        other => create_other(walk, other),
    }
}

/// What is created that is neither data nor code.
fn create_other(walk: &mut Walk, statement: &Statement) {
    match statement {
        Statement::CreateSchema { schema_name, .. } => {
            let name = match schema_name {
                SchemaName::Simple(name) | SchemaName::NamedAuthorization(name, _) => walk.name(name),
                SchemaName::UnnamedAuthorization(role) => walk.ident(role),
            };
            walk.creates(Kind::Schema, name);
        }
        Statement::CreateDatabase { db_name, .. } => walk.creates(Kind::Database, walk.name(db_name)),
        Statement::CreateExtension(extension) => walk.creates(Kind::Extension, walk.ident(&extension.name)),
        Statement::CreateRole(role) => {
            role.names.iter().for_each(|name| walk.creates(Kind::Role, walk.name(name)));
        }
        Statement::CreateUser(user) => walk.creates(Kind::Role, walk.ident(&user.name)),
        Statement::CreatePolicy(policy) => {
            let table = walk.name(&policy.table_name);
            walk.creates(Kind::Policy, on(walk.ident(&policy.name), table.as_deref()));
            walk.depends(Kind::Table, table);
        }
        Statement::CreateServer(server) => {
            walk.creates(Kind::Server, walk.name(&server.name));
            walk.depends(Kind::ForeignDataWrapper, walk.name(&server.foreign_data_wrapper));
        }
        Statement::CreateOperator(operator) => {
            walk.creates(Kind::Operator, walk.name(&operator.name));
            walk.depends(Kind::Function, walk.name(&operator.function));
        }
        Statement::CreateOperatorClass(class) => walk.creates(Kind::OperatorClass, walk.name(&class.name)),
        Statement::CreateOperatorFamily(family) => {
            walk.creates(Kind::OperatorFamily, walk.name(&family.name))
        }
        Statement::CreateTextSearch(search) => walk.creates(Kind::TextSearch, walk.name(&search.name)),
        Statement::CreateCollation(collation) => walk.creates(Kind::Collation, walk.name(&collation.name)),
        other => changes(walk, other),
    }
}

/// Statements that alter.
fn changes(walk: &mut Walk, statement: &Statement) {
    match statement {
        Statement::AlterTable(table) => {
            let name = walk.name(&table.name);
            walk.alters(Kind::Table, name.clone());
            table.operations.iter().for_each(|operation| alter_table(walk, operation, name.as_deref()));
        }
        Statement::AlterIndex { name, operation } => {
            let AlterIndexOperation::RenameIndex { index_name } = operation;
            walk.drops(Kind::Index, walk.name(name));
            walk.creates(Kind::Index, walk.name(index_name));
        }
        Statement::AlterView { name, .. } => walk.alters(Kind::View, walk.name(name)),
        Statement::AlterSchema(schema) => walk.alters(Kind::Schema, walk.name(&schema.name)),
        Statement::AlterType(alter) => match &alter.operation {
            AlterTypeOperation::Rename(rename) => {
                walk.drops(Kind::Type, walk.name(&alter.name));
                walk.creates(Kind::Type, walk.ident(&rename.new_name));
            }
            _ => walk.alters(Kind::Type, walk.name(&alter.name)),
        },
        Statement::AlterFunction(alter) => {
            let kind = match alter.kind {
                AlterFunctionKind::Aggregate => Kind::Aggregate,
                AlterFunctionKind::Function => Kind::Function,
            };
            walk.alters(kind, walk.name(&alter.function.name));
        }
        Statement::AlterRole { name, .. } => walk.alters(Kind::Role, walk.ident(name)),
        Statement::AlterUser(user) => walk.alters(Kind::Role, walk.ident(&user.name)),
        Statement::AlterPolicy(policy) => {
            let table = walk.name(&policy.table_name);
            walk.alters(Kind::Policy, on(walk.ident(&policy.name), table.as_deref()));
            walk.depends(Kind::Table, table);
        }
        Statement::AlterOperator(alter) => walk.alters(Kind::Operator, walk.name(&alter.name)),
        Statement::AlterOperatorFamily(alter) => walk.alters(Kind::OperatorFamily, walk.name(&alter.name)),
        Statement::AlterOperatorClass(alter) => walk.alters(Kind::OperatorClass, walk.name(&alter.name)),
        Statement::AlterTextSearch(alter) => walk.alters(Kind::TextSearch, walk.name(&alter.name)),
        Statement::AlterCollation(alter) => walk.alters(Kind::Collation, walk.name(&alter.name)),
        Statement::RenameTable(renames) => renames.iter().for_each(|rename| {
            walk.drops(Kind::Table, walk.name(&rename.old_name));
            walk.creates(Kind::Table, walk.name(&rename.new_name));
        }),
        other => drops(walk, other),
    }
}

/// Statements that drop.
fn drops(walk: &mut Walk, statement: &Statement) {
    match statement {
        Statement::Drop { object_type, names, table, .. } => {
            let Some(kind) = kind_of(object_type) else { return };
            let table = table.as_ref().and_then(|table| walk.name(table));
            for name in names {
                let name = walk.name(name);
                let name =
                    if kind == Kind::Index { placed(walk, name, table.as_deref(), false) } else { name };
                walk.drops(kind, name);
            }
            walk.depends(Kind::Table, table);
        }
        Statement::DropFunction(drop) => {
            drop.func_desc.iter().for_each(|function| walk.drops(Kind::Function, walk.name(&function.name)));
        }
        Statement::DropProcedure { proc_desc, .. } => {
            proc_desc.iter().for_each(|procedure| walk.drops(Kind::Procedure, walk.name(&procedure.name)));
        }
        Statement::DropDomain(drop) => walk.drops(Kind::Domain, walk.name(&drop.name)),
        Statement::DropTrigger(drop) => {
            let table = drop.table_name.as_ref().and_then(|table| walk.name(table));
            let name = walk.name(&drop.trigger_name);
            walk.drops(Kind::Trigger, placed(walk, name, table.as_deref(), true));
            walk.depends(Kind::Table, table);
        }
        Statement::DropPolicy(drop) => {
            let table = walk.name(&drop.table_name);
            walk.drops(Kind::Policy, on(walk.ident(&drop.name), table.as_deref()));
            walk.depends(Kind::Table, table);
        }
        Statement::DropExtension(drop) => {
            drop.names.iter().for_each(|name| walk.drops(Kind::Extension, walk.ident(name)));
        }
        Statement::DropOperator(drop) => {
            drop.operators.iter().for_each(|operator| walk.drops(Kind::Operator, walk.name(&operator.name)));
        }
        Statement::DropOperatorFamily(drop) => {
            drop.names.iter().for_each(|name| walk.drops(Kind::OperatorFamily, walk.name(name)));
        }
        Statement::DropOperatorClass(drop) => {
            drop.names.iter().for_each(|name| walk.drops(Kind::OperatorClass, walk.name(name)));
        }
        other => references(walk, other),
    }
}

/// Statements that only refer to objects.
fn references(walk: &mut Walk, statement: &Statement) {
    match statement {
        Statement::Comment { object_type, object_name, .. } => {
            let (kind, name) = commented(object_type, object_name);
            walk.depends(kind, name.and_then(|name| walk.name(&name)));
        }
        Statement::Grant(grant) => granted(walk, grant.objects.as_ref()),
        Statement::Revoke(revoke) => granted(walk, revoke.objects.as_ref()),
        Statement::Copy { source: CopySource::Table { table_name, .. }, .. } => {
            walk.depends(Kind::Relation, walk.name(table_name));
        }
        Statement::Truncate(truncate) => {
            truncate.table_names.iter().for_each(|table| walk.depends(Kind::Table, walk.name(&table.name)));
        }
        _ => {}
    }
}

fn create_table(walk: &mut Walk, table: &CreateTable) {
    walk.creates(Kind::Table, walk.name(&table.name));
    let like = table.like.as_ref().map(|like| match like {
        CreateTableLikeKind::Parenthesized(like) | CreateTableLikeKind::Plain(like) => &like.name,
    });
    let parents = like.into_iter().chain(&table.clone).chain(table.inherits.iter().flatten());
    parents.chain(&table.partition_of).for_each(|parent| walk.depends(Kind::Table, walk.name(parent)));
    table.columns.iter().for_each(|defined| column(walk, defined));
    table.constraints.iter().for_each(|defined| constraint(walk, defined));
}

fn create_trigger(walk: &mut Walk, trigger: &CreateTrigger) {
    let table = walk.name(&trigger.table_name);
    let name = walk.name(&trigger.name);
    walk.creates(Kind::Trigger, placed(walk, name, table.as_deref(), true));
    walk.depends(Kind::Table, table);
    let body = trigger.exec_body.as_ref().map(|body| &body.func_desc.name);
    walk.depends(Kind::Function, body.and_then(|name| walk.name(name)));
    let from = trigger.referenced_table_name.as_ref();
    walk.depends(Kind::Table, from.and_then(|name| walk.name(name)));
}

fn column(walk: &mut Walk, column: &ColumnDef) {
    walk.data_type(&column.data_type);
    column.options.iter().for_each(|option| column_option(walk, &option.option));
}

fn column_option(walk: &mut Walk, option: &ColumnOption) {
    if let ColumnOption::ForeignKey(key) = option {
        walk.depends(Kind::Table, walk.name(&key.foreign_table));
    }
}

fn constraint(walk: &mut Walk, constraint: &TableConstraint) {
    if let TableConstraint::ForeignKey(key) = constraint {
        walk.depends(Kind::Table, walk.name(&key.foreign_table));
    }
}

fn alter_table(walk: &mut Walk, operation: &AlterTableOperation, table: Option<&str>) {
    match operation {
        AlterTableOperation::AddConstraint { constraint: added, .. } => constraint(walk, added),
        AlterTableOperation::AddColumn { column_def, .. } => column(walk, column_def),
        AlterTableOperation::ChangeColumn { data_type, options, .. }
        | AlterTableOperation::ModifyColumn { data_type, options, .. } => {
            walk.data_type(data_type);
            options.iter().for_each(|option| column_option(walk, option));
        }
        AlterTableOperation::AlterColumn {
            op: AlterColumnOperation::SetDataType { data_type, .. }, ..
        } => {
            walk.data_type(data_type);
        }
        AlterTableOperation::RenameTable { table_name } => {
            let (RenameTableNameKind::As(new) | RenameTableNameKind::To(new)) = table_name;
            walk.drops(Kind::Table, table.map(str::to_owned));
            walk.creates(Kind::Table, walk.name(new));
        }
        AlterTableOperation::DropIndex { name } => {
            let name = walk.ident(name);
            walk.drops(Kind::Index, placed(walk, name, table, false));
        }
        AlterTableOperation::SwapWith { table_name } => walk.alters(Kind::Table, walk.name(table_name)),
        _ => {}
    }
}

/// The name of an index or trigger: with its table, where names of such are names within the table.
fn placed(walk: &Walk, name: Option<String>, table: Option<&str>, trigger: bool) -> Option<String> {
    if is_named_within_table(walk.dialect, trigger) { on(name, table) } else { name }
}

fn on(name: Option<String>, table: Option<&str>) -> Option<String> {
    let name = name?;
    Some(table.map_or(name.clone(), |table| within(&name, table)))
}

/// `schema.table` of `schema.table.column`.
fn table_of_column(name: &ObjectName) -> Option<ObjectName> {
    let (_, table) = name.0.split_last()?;
    (!table.is_empty()).then(|| ObjectName(table.to_vec()))
}

fn commented(object: &CommentObject, name: &ObjectName) -> (Kind, Option<ObjectName>) {
    let kind = match object {
        CommentObject::Column => return (Kind::Relation, table_of_column(name)),
        CommentObject::Collation => Kind::Collation,
        CommentObject::Database => Kind::Database,
        CommentObject::Domain => Kind::Domain,
        CommentObject::Extension => Kind::Extension,
        CommentObject::Function => Kind::Function,
        CommentObject::Index => Kind::Index,
        CommentObject::MaterializedView => Kind::MaterializedView,
        CommentObject::Procedure => Kind::Procedure,
        CommentObject::Role | CommentObject::User => Kind::Role,
        CommentObject::Schema => Kind::Schema,
        CommentObject::Sequence => Kind::Sequence,
        CommentObject::Table => Kind::Table,
        CommentObject::Type => Kind::Type,
        CommentObject::View => Kind::View,
    };
    (kind, Some(name.clone()))
}

fn granted(walk: &mut Walk, objects: Option<&GrantObjects>) {
    let (kind, names) = match objects {
        Some(
            GrantObjects::AllSequencesInSchema { schemas }
            | GrantObjects::AllTablesInSchema { schemas }
            | GrantObjects::AllViewsInSchema { schemas }
            | GrantObjects::AllFunctionsInSchema { schemas }
            | GrantObjects::Schemas(schemas),
        ) => (Kind::Schema, schemas),
        Some(GrantObjects::Databases(names)) => (Kind::Database, names),
        Some(GrantObjects::Sequences(names)) => (Kind::Sequence, names),
        Some(GrantObjects::Tables(names)) => (Kind::Relation, names),
        Some(GrantObjects::Views(names)) => (Kind::View, names),
        Some(GrantObjects::Procedure { name, .. }) => {
            return walk.depends(Kind::Procedure, walk.name(name));
        }
        Some(GrantObjects::Function { name, .. }) => {
            return walk.depends(Kind::Function, walk.name(name));
        }
        _ => return,
    };
    names.iter().for_each(|name| walk.depends(kind, walk.name(name)));
}

fn kind_of(object: &ObjectType) -> Option<Kind> {
    Some(match object {
        ObjectType::Collation => Kind::Collation,
        ObjectType::Table => Kind::Table,
        ObjectType::View => Kind::View,
        ObjectType::MaterializedView => Kind::MaterializedView,
        ObjectType::Index => Kind::Index,
        ObjectType::Schema => Kind::Schema,
        ObjectType::Database => Kind::Database,
        ObjectType::Role | ObjectType::User => Kind::Role,
        ObjectType::Sequence => Kind::Sequence,
        ObjectType::Type => Kind::Type,
        ObjectType::Stage | ObjectType::Stream | ObjectType::Warehouse => return None,
    })
}

/// The type of an array's elements.
pub fn element(array: &ArrayElemTypeDef) -> Option<&DataType> {
    match array {
        ArrayElemTypeDef::None => None,
        ArrayElemTypeDef::AngleBracket(inner)
        | ArrayElemTypeDef::SquareBracket(inner, _)
        | ArrayElemTypeDef::Parenthesis(inner)
        | ArrayElemTypeDef::Qualified(inner, _) => Some(inner),
    }
}

/// Types of the databases themselves, that the parser does not know as such. Sorted.
const BUILTIN_TYPES: &[&str] = &[
    "anyarray",
    "anycompatible",
    "anyelement",
    "box",
    "bpchar",
    "cid",
    "cidr",
    "circle",
    "cstring",
    "daterange",
    "event_trigger",
    "hierarchyid",
    "image",
    "inet",
    "int4range",
    "int8range",
    "internal",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "ntext",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "point",
    "polygon",
    "record",
    "regclass",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "rowversion",
    "serial",
    "bigserial",
    "smallserial",
    "smalldatetime",
    "smallmoney",
    "sql_variant",
    "sysname",
    "tid",
    "trigger",
    "tsquery",
    "tsrange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "uniqueidentifier",
    "void",
    "xid",
    "xid8",
    "xml",
    "year",
];

/// Whether a type comes with the database.
pub fn is_builtin_type(name: &str) -> bool {
    let plain = name.strip_prefix("pg_catalog.").unwrap_or(name);
    BUILTIN_TYPES.contains(&plain)
}
