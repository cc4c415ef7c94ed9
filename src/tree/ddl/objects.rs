//! What parsed statements do: the objects that they create, alter and drop, and those that they refer to.

use crate::format::ddl::{Dialect, Object, ObjectKind};
use crate::tree::ddl::definitions;
use crate::tree::ddl::names;
use sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Statement,
    TableFactor, Value, Visit, Visitor,
};
use std::ops::ControlFlow;

/// What a statement does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Objects that are there afterwards.
    pub creates: Vec<Object>,
    /// Objects that are changed.
    pub alters: Vec<Object>,
    /// Objects that are gone afterwards.
    pub drops: Vec<Object>,
    /// Objects that must be there before, beside those that are altered or dropped.
    pub depends: Vec<Object>,
}

/// What these syntax trees do.
pub fn effects(trees: &[Statement], dialect: Option<Dialect>) -> Effects {
    let mut walk = Walk { dialect, effects: Effects::default(), routines: 0, known: Vec::new(), skip: false };
    for tree in trees {
        // Nothing here breaks off.
        let _ = tree.visit(&mut walk);
    }
    let mut effects = walk.effects;
    effects.settle();
    effects
}

impl Effects {
    /// What a statement makes, changes or drops is nothing that it depends on.
    pub fn settle(&mut self) {
        let own = |object: &Object| {
            [&self.creates, &self.alters, &self.drops]
                .into_iter()
                .flatten()
                .any(|own| own.name == object.name)
        };
        self.depends = self.depends.iter().filter(|object| !own(object)).cloned().collect();
    }
}

/// Goes through syntax trees.
pub struct Walk {
    /// How names are folded.
    pub dialect: Option<Dialect>,
    /// What was found.
    pub effects: Effects,
    /// How many routines are being defined around this place: what stands in them is done when they run.
    routines: usize,
    /// The names that `WITH` defines, for each query around this place.
    known: Vec<Vec<String>>,
    /// The next relation is none.
    skip: bool,
}

impl Walk {
    /// Notes what is created.
    pub fn creates(&mut self, kind: ObjectKind, name: Option<String>) {
        self.effects.creates.extend(name.map(|name| Object { kind, name }));
    }

    /// Notes what is altered.
    pub fn alters(&mut self, kind: ObjectKind, name: Option<String>) {
        self.effects.alters.extend(name.map(|name| Object { kind, name }));
    }

    /// Notes what is dropped.
    pub fn drops(&mut self, kind: ObjectKind, name: Option<String>) {
        self.effects.drops.extend(name.map(|name| Object { kind, name }));
    }

    /// Notes what is referred to.
    pub fn depends(&mut self, kind: ObjectKind, name: Option<String>) {
        self.effects.depends.extend(name.map(|name| Object { kind, name }));
    }

    /// A name as packs hold it.
    pub fn name(&self, name: &ObjectName) -> Option<String> {
        names::of(self.dialect, name)
    }

    /// The same for a name of one part.
    pub fn ident(&self, ident: &Ident) -> Option<String> {
        names::of_ident(self.dialect, ident)
    }

    /// A type that is no type of every database.
    pub fn data_type(&mut self, mut data_type: &DataType) {
        while let DataType::Array(inner) = data_type {
            match definitions::element(inner) {
                Some(element) => data_type = element,
                None => return,
            }
        }
        if let DataType::Custom(name, _) = data_type
            && let Some(name) = self.name(name)
            && !definitions::is_builtin_type(&name)
        {
            self.depends(ObjectKind::Type, Some(name));
        }
    }

    /// `nextval('name')`: a sequence by name.
    fn sequence(&mut self, expr: &Expr) {
        let Expr::Function(function) = expr else { return };
        let called = self.name(&function.name).unwrap_or_default();
        if !matches!(&*called, "nextval" | "currval" | "setval") {
            return;
        }
        let FunctionArguments::List(list) = &function.args else { return };
        let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))) = list.args.first() else { return };
        let argument = if let Expr::Cast { expr, .. } = argument { expr } else { argument };
        if let Expr::Value(value) = argument
            && let Value::SingleQuotedString(text) = &value.value
        {
            let name = names::from_text(self.dialect, text);
            self.depends(ObjectKind::Sequence, name);
        }
    }
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        if self.routines == 0 {
            definitions::statement(self, statement);
        }
        self.routines += usize::from(definitions::is_routine(statement));
        ControlFlow::Continue(())
    }

    fn post_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.routines -= usize::from(definitions::is_routine(statement));
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        let names = with.filter_map(|cte| self.ident(&cte.alias.name)).collect();
        self.known.push(names);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.known.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.skip = matches!(factor, TableFactor::Table { args: Some(_), .. });
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if !std::mem::take(&mut self.skip)
            && let Some(name) = self.name(relation)
            && !self.known.iter().flatten().any(|known| *known == name)
        {
            self.depends(ObjectKind::Relation, Some(name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Cast { data_type, .. } => self.data_type(data_type),
            Expr::Function(_) => self.sequence(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
