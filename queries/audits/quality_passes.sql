-- No check of the quality table is above its limit.
select
    "check",
    figure,
    "limit",
    detail
from quality
where not passed
order by "check"
