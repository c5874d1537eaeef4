-- What each platform gets by each model, and how far that is from the last paid touch.
--
-- A platform has a row where the model or the last paid touch gives it credit; the side
-- that gives none counts as 0, so the differences of a model sum to 0.
--
-- grain:  platform, model
-- column: platform  text not null  the touches' platform
-- column: model  text not null  the attribution model
-- column: conversions  double not null  contracts, in fractions
-- column: revenue  decimal(18,2) not null  money
-- column: conversions_difference  double not null  conversions less those by last_paid_touch
-- column: revenue_difference  decimal(18,2) not null  revenue less that by last_paid_touch
with

credit as (
    select
        platform,
        model,
        sum(conversions)                                 as conversions,
        sum(revenue)                                     as revenue
    from campaign_credit
    group by platform, model
),

-- Who gets the contract is the last paid touch's rule: the reference is there whichever
-- models were asked for.
reference as (
    select
        attributed_platform                              as platform,
        cast(count(*) as decimal(38, 18))                as conversions,
        sum(coalesce(contract_amount, 0))                as revenue
    from fact_contracts
    group by attributed_platform
),

model_reference as (
    select model.model, reference.platform, reference.conversions, reference.revenue
    from (select distinct model from credit) as model
    cross join reference
)

select
    coalesce(credit.platform, model_reference.platform)  as platform,
    coalesce(credit.model, model_reference.model)        as model,
    cast(coalesce(credit.conversions, 0) as double)      as conversions,
    coalesce(credit.revenue, 0)                          as revenue,
    cast(coalesce(credit.conversions, 0) - coalesce(model_reference.conversions, 0) as double)
                                                         as conversions_difference,
    coalesce(credit.revenue, 0) - coalesce(model_reference.revenue, 0)
                                                         as revenue_difference
from credit
full outer join model_reference
    on credit.platform = model_reference.platform and credit.model = model_reference.model
order by platform, model
